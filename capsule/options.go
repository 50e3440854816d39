package capsule

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Options say how to start a capsule. The zero value is good.
type Options struct {
	// Name of the container or machine; by default the capsule's name and
	// something random.
	Name string
	// Publish says where ports of the capsule can be reached on this machine.
	// Port 0 chooses a free one: see [Capsule.Addresses]. If both are nil, the
	// runner decides.
	Publish, PublishUDP map[uint16][]netip.AddrPort
	// Env is added to the environment of the capsule.
	Env map[string]string
	// Volumes are added to those of the manifest.
	Volumes []Volume
	// Network is one of docker's to join. Virtual machines ignore it.
	Network string
	// User overrides that of the manifest: user[:group].
	User string
	// ProjectRoot is where relative paths of volumes start, and whose capsule
	// it is to [List]; the working directory by default.
	ProjectRoot string
	// Hosts are names that the capsule resolves, with their addresses.
	Hosts map[string]netip.Addr
	// Gate holds the capsule back before its first instruction until
	// [Capsule.Release] (lite only; others start at once).
	Gate bool
	// Awaited says that the caller is going to wait for a port or for health, which
	// notices too if the capsule fails at once.
	Awaited bool
	// Session owns the capsule; without one it outlives this program.
	Session *Session
}

var (
	envName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[^=,\\\s\x00]+$`)
	})
	validName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$`)
	})
	hostName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$`)
	})
)

// complete returns the options with defaults filled in, or what is wrong with
// them.
func (o Options) complete(m *Manifest) (Options, error) {
	if o.Name == "" {
		var random [4]byte
		_, _ = rand.Read(random[:])
		o.Name = containerName(m.Name) + "-" + hex.EncodeToString(random[:])
	}
	if !validName().MatchString(o.Name) {
		return o, failure(Invalid, "%q cannot be the name of a container", o.Name).
			help("use letters, digits, `_`, `.` and `-`, beginning with a letter or digit")
	}
	if o.ProjectRoot == "" {
		dir, err := os.Getwd()
		if err != nil {
			return o, err
		}
		o.ProjectRoot = dir
	}
	for name, value := range o.Env {
		if !envName().MatchString(name) {
			return o, failure(Invalid, "%q cannot be the name of an environment variable", name)
		}
		if strings.ContainsRune(value, 0) {
			return o, failure(Invalid, "the environment variable %s contains a zero byte", name)
		}
	}
	for name := range o.Hosts {
		if !hostName().MatchString(name) {
			return o, failure(Invalid, "%q cannot be the name of a host", name)
		}
	}
	for i, v := range o.Volumes {
		if err := v.check(); err != nil {
			return o, err
		}
		if v.Mode == "" {
			o.Volumes = slices.Clone(o.Volumes)
			o.Volumes[i].Mode = "rw"
		}
	}
	var err error
	if o.Publish, err = chosen("tcp", o.Publish); err == nil {
		o.PublishUDP, err = chosen("udp", o.PublishUDP)
	}
	return o, err
}

func (v Volume) check() error {
	name := v.Host + ":" + v.Container
	switch {
	case v.Host == "" || !path.IsAbs(v.Container):
		return failure(Invalid, "the volume %s is not HOST:CONTAINER with an absolute CONTAINER", name)
	case v.Mode != "" && v.Mode != "rw" && v.Mode != "ro":
		return failure(Invalid, "the volume %s has mode %q; there are rw and ro", name, v.Mode)
	case strings.ContainsAny(v.Host+v.Container, ":,\n\x00"):
		return failure(Invalid, "the path of the volume %q contains a colon, comma or newline, which docker does not take", name)
	}
	return nil
}

// contract are the variables that a runner obeys; those in the environment of
// this program are not meant for the capsules that it starts.
var contract = []string{
	"RIGX_NAME", "RIGX_DETACH", "RIGX_NETWORK", "RIGX_PUBLISH", "RIGX_PUBLISH_UDP", "RIGX_ENV", "RIGX_VOLUMES",
	"RIGX_PROJECT_ROOT", "RIGX_USER", "RIGX_HOSTS", "RIGX_GATE", "RIGX_LABELS", "RIGX_ENGINE", "RIGX_KEEP",
}

// environ is the environment of the runner. The options must be complete.
func (o Options) environ(labels map[string]string) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if !slices.Contains(contract, name) {
			env = append(env, kv)
		}
	}
	set := func(name, value string) {
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	set("RIGX_NAME", o.Name)
	set("RIGX_NETWORK", o.Network)
	set("RIGX_USER", o.User)
	set("RIGX_PROJECT_ROOT", o.ProjectRoot)
	set("RIGX_PUBLISH", published(o.Publish))
	set("RIGX_PUBLISH_UDP", published(o.PublishUDP))
	set("RIGX_ENV", pairs(o.Env))
	set("RIGX_LABELS", pairs(labels))
	var volumes, hosts []string
	for _, v := range o.Volumes {
		volumes = append(volumes, v.Host+":"+v.Container+":"+v.Mode)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Hosts)) {
		hosts = append(hosts, name+":"+o.Hosts[name].String())
	}
	set("RIGX_VOLUMES", strings.Join(volumes, ","))
	set("RIGX_HOSTS", strings.Join(hosts, ","))
	return env
}

// published writes [addr:]host:container entries.
func published(ports map[uint16][]netip.AddrPort) string {
	var out []string
	for _, port := range slices.Sorted(maps.Keys(ports)) {
		for _, at := range ports[port] {
			out = append(out, fmt.Sprintf("%s:%d", at, port))
		}
	}
	return strings.Join(out, ",")
}

var escapeComma = strings.NewReplacer(`\`, `\\`, `,`, `\,`)

// pairs writes k=v entries; a comma or backslash in a value is escaped.
func pairs(values map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		out = append(out, name+"="+escapeComma.Replace(values[name]))
	}
	return strings.Join(out, ",")
}
