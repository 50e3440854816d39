package nix

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Host is another machine with Nix that ssh reaches. Nix's variable NIX_SSHOPTS
// holds for it too.
type Host struct {
	// URL of its store, for people.
	URL string
	// store is the URL without the port, which old versions of Nix do not take.
	store       string
	destination string // for ssh
	options     []string
	bin         string // where Nix is there, if that is known
	elsewhere   bool   // the URL names a store other than the host's own
}

// plainWord is what may be handed to the shell of another machine: nothing in it
// means anything to any shell.
var plainWord = lazily(`^[A-Za-z0-9_./+=@][A-Za-z0-9_./+=@-]*$`)

// ParseHost reads the URL of a store behind ssh: ssh-ng://user@host:port, or
// ssh:// likewise, with the parameters ssh-key and remote-program of Nix.
func ParseHost(text string) (Host, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "ssh-ng" && u.Scheme != "ssh" {
		return Host{}, fmt.Errorf("%q is no store that ssh reaches, such as ssh-ng://root@host", text)
	}
	h := Host{URL: text, store: text, destination: u.Hostname()}
	switch user := u.User.Username(); {
	case h.destination == "" || u.Path != "" && u.Path != "/":
		return Host{}, fmt.Errorf("%q names no host, or more than one", text)
	case user != "":
		h.destination = user + "@" + h.destination
	}
	if strings.HasPrefix(h.destination, "-") || strings.HasPrefix(u.Hostname(), "-") {
		return Host{}, fmt.Errorf("no host is called %q", h.destination)
	}
	if port := u.Port(); port != "" {
		h.options = append(h.options, "-p", port)
		u.Host = strings.TrimSuffix(u.Host, ":"+port)
		h.store = u.String()
	}
	if key := u.Query().Get("ssh-key"); key != "" {
		h.options = append(h.options, "-i", key)
	}
	if u.Query().Has("remote-store") {
		h.elsewhere = true
	}
	if program, _, _ := strings.Cut(u.Query().Get("remote-program"), " "); strings.HasPrefix(program, "/") {
		h.bin = path.Dir(program)
		if !plainWord().MatchString(h.bin) {
			return Host{}, fmt.Errorf("%q is no directory that a host is asked for", h.bin)
		}
	}
	return h, nil
}

// Login is the user and the host as ssh takes them.
func (h Host) Login() string { return h.destination }

// sshOptions are those of the environment.
func sshOptions() []string { return strings.Fields(os.Getenv("NIX_SSHOPTS")) }

// environment is that of a Nix that connects to the host.
func (h Host) environment() []string {
	if i := slices.Index(h.options, "-p"); i >= 0 {
		return []string{"NIX_SSHOPTS=" + strings.Join(append(h.options[i:i+2:i+2], sshOptions()...), " ")}
	}
	return nil
}

// Profile of a host: a link to the newest of its generations, which are links
// to store paths, and keep them from being collected.
type Profile struct {
	// Path of the link there.
	Path string
	// Generations by number.
	Generations []Generation
}

// Generation is one store path that a profile leads to or led to.
type Generation struct {
	Number  int       `json:"generation"`
	Time    time.Time `json:"time"`
	Path    string    `json:"path"`
	Current bool      `json:"current"`
}

// Current is the generation that the profile leads to, nil if there is none.
func (p *Profile) Current() *Generation {
	for i := range p.Generations {
		if p.Generations[i].Current {
			return &p.Generations[i]
		}
	}
	return nil
}

// CanHave returns an error if a host that ssh reaches cannot have a profile: a
// name, or an absolute path there.
func (h Host) CanHave(profile string) error {
	switch {
	case h.elsewhere:
		return errors.New("profiles are those of the host's own store; leave out remote-store")
	case strings.Contains(profile, "/") && !path.IsAbs(profile) || path.Clean(profile) != profile:
		return fmt.Errorf("%q is neither a name nor an absolute path", profile)
	case !plainWord().MatchString(profile):
		return fmt.Errorf("%q cannot be the name of a profile, which has letters, digits and ._+=@-", profile)
	}
	return nil
}

// Why a host did not do what it was asked to.
var (
	ErrNoNixThere   = errors.New("there is no Nix")
	ErrOccupied     = errors.New("something is there that is no profile")
	ErrNoDirectory  = errors.New("there is no directory for it")
	ErrNoProfile    = errors.New("there is no such profile")
	ErrNothingOlder = errors.New("there is no generation before the current one")
)

// hostStatuses are the exit statuses of profile.sh.
var hostStatuses = map[int]error{90: ErrNoNixThere, 91: ErrOccupied, 92: ErrNoDirectory, 93: ErrNoProfile, 94: ErrNothingOlder}

//go:embed profile.sh
var profileScript string

// Generations lists those of a profile: a name, which stands for one in the
// directory of profiles of the user there, or an absolute path. A profile that
// does not exist has none.
func (h Host) Generations(ctx context.Context, profile string) (*Profile, error) {
	return h.profile(ctx, "list", profile)
}

// Switch makes a profile, which is made if need be, lead to a store path that
// the host has. It happens in one step or not at all.
func (h Host) Switch(ctx context.Context, profile, storePath string) (*Profile, error) {
	return h.profile(ctx, "switch", profile, storePath)
}

// RollBack makes a profile lead to the generation before the current one.
func (h Host) RollBack(ctx context.Context, profile string) (*Profile, error) {
	return h.profile(ctx, "rollback", profile)
}

func (h Host) profile(ctx context.Context, action, profile string, storePath ...string) (*Profile, error) {
	if err := h.CanHave(profile); err != nil {
		return nil, err
	}
	words := append([]string{"sh", "-s", "--", action, profile}, storePath...)
	if h.bin != "" {
		if len(storePath) == 0 {
			words = append(words, "''")
		}
		words = append(words, h.bin)
	}
	// Of options given twice, ssh takes the first.
	args := append(append(slices.Clone(h.options), sshOptions()...), "-x", "-a", "-T", "--", h.destination)
	var out, errOut bytes.Buffer
	status, err := RunCommand(ctx, Command{
		Path: "ssh", Args: append(args, strings.Join(words, " ")),
		Stdin: strings.NewReader(profileScript), Stdout: &out, Stderr: &errOut,
	})
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("ssh is not installed")
	case err != nil:
		return nil, err
	case hostStatuses[status] != nil:
		return nil, hostStatuses[status]
	case status != 0:
		return nil, fmt.Errorf("%s", cleanMessage(errOut.String()))
	}
	return readProfile(out.String())
}

// readProfile reads what profile.sh tells, and passes over what the login shell
// of the host had to say before.
func readProfile(text string) (*Profile, error) {
	p := &Profile{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && words[0] == "profile":
			p.Path = words[1]
		case len(words) == 5 && words[0] == "generation":
			number, err1 := strconv.Atoi(words[1])
			seconds, err2 := strconv.ParseInt(words[2], 10, 64)
			if err1 != nil || err2 != nil {
				continue
			}
			p.Generations = append(p.Generations, Generation{number, time.Unix(seconds, 0), words[3], words[4] == "current"})
		}
	}
	if p.Path == "" {
		return nil, errors.New("the host did not answer")
	}
	slices.SortFunc(p.Generations, func(a, b Generation) int { return a.Number - b.Number })
	return p, nil
}
