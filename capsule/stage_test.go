package capsule_test

// What the tests of capsules need: an engine, capsules of a small program, and this
// test as other programs.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rigx-build/rigx/capsule"
)

// TestMain is also the guard of the tests' sessions, and a program that starts
// a capsule and is then killed.
func TestMain(m *testing.M) {
	switch os.Getenv("CAPSULE_TEST") {
	case "guard":
		capsule.Guard(os.Stdin, os.Stdout)
		return
	case "victim":
		victim()
		return
	case "list":
		list()
		return
	}
	os.Exit(m.Run())
}

var shared struct {
	sync.Once
	dir string
	err error
}

// program is the echo program, built once.
func program(t *testing.T) string {
	shared.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "rigx-test-"); shared.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", shared.dir+"/echo", "./testdata/echo")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			shared.err = fmt.Errorf("%w\n%s", err, out)
		}
		_ = os.MkdirAll(shared.dir+"/root/bin", 0o755)
		out, err := exec.Command("sh", "-c", "tar -C "+shared.dir+"/root -c . | "+engineName()+" import - rigx-driver-test:1").CombinedOutput()
		if err != nil {
			shared.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.dir + "/echo"
}

func build(t *testing.T, entry string, more ...string) *capsule.Image {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "output", "thing")
	if err := os.MkdirAll(dir+"/bin", 0o755); err != nil {
		t.Fatal(err)
	}
	run, _ := os.ReadFile("testdata/run-container.sh")
	manifest := `{"version":1,"name":"thing","backend":"lite","ports":[5000],"runner":"bin/run-thing"` + strings.Join(more, "") + `}`
	_ = os.WriteFile(dir+"/bin/run-thing", run, 0o755)
	_ = os.WriteFile(dir+"/manifest.json", []byte(manifest), 0o644)
	_ = os.WriteFile(dir+"/reference", []byte("rigx-driver-test:1"), 0o644)
	_ = os.WriteFile(dir+"/entry", []byte("/echo "+entry), 0o644)
	if err := os.Symlink(program(t), dir+"/echo"); err != nil {
		t.Fatal(err)
	}
	im, err := capsule.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return im
}

// engineName is podman, which needs no daemon, unless RIGX_TEST_ENGINE says docker.
func engineName() string {
	if name := os.Getenv("RIGX_TEST_ENGINE"); name != "" {
		return name
	}
	return "podman"
}

// engine skips tests where podman is missing, and lets it run in a container.
func engine(t *testing.T) context.Context {
	t.Helper()
	if _, err := exec.LookPath(engineName()); err != nil {
		if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), engineName()) {
			t.Fatal(engineName() + " is missing")
		}
		t.Skip(engineName() + " is missing")
	}
	conf := filepath.Join(t.TempDir(), "containers.conf")
	text := "[engine]\nruntime = \"runc\"\n[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CONTAINERS_CONF", conf)
	t.Setenv("RIGX_ENGINE", engineName())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, ctx context.Context, im *capsule.Image, opts capsule.Options) *capsule.Capsule {
	t.Helper()
	if opts.ProjectRoot == "" {
		opts.ProjectRoot = t.TempDir()
	}
	c, err := im.Start(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

func publish(port uint16, addr string) map[uint16][]netip.AddrPort {
	return map[uint16][]netip.AddrPort{port: {netip.MustParseAddrPort(addr)}}
}

// address is where port 5000 of a capsule is.
func address(t *testing.T, c *capsule.Capsule) string {
	t.Helper()
	ends, err := c.Addresses(context.Background(), 5000)
	if err != nil || len(ends) == 0 {
		t.Fatal(ends, err)
	}
	return ends[0].String()
}

func ask(t *testing.T, network, addr, question string) string {
	t.Helper()
	c, err := net.DialTimeout(network, addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if network == "udp" {
		fmt.Fprint(c, question)
		buffer := make([]byte, 100)
		n, err := c.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		return string(buffer[:n])
	}
	fmt.Fprintln(c, question)
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func reason(err error) capsule.Reason {
	var e *capsule.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// victim starts a capsule in a session, says so, and waits to be killed.
func victim() {
	im, err := capsule.Open(os.Getenv("CAPSULE_DIR"))
	if err == nil {
		fmt.Println("starting")
		_, err = im.Start(context.Background(), capsule.Options{
			Name: os.Getenv("CAPSULE_NAME"), Session: session(), Gate: os.Getenv("CAPSULE_GATE") != "",
		})
	}
	fmt.Println("started", err)
	select {}
}

// session is one whose guard is this test.
func session() *capsule.Session {
	exe, _ := os.Executable()
	return capsule.NewSession("/usr/bin/env", "CAPSULE_TEST=guard", exe)
}

// list prints what another process finds.
func list() {
	all, err := capsule.List(context.Background())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(all)
}

// other runs this test as another program.
func other(t *testing.T, ctx context.Context, what string, env ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, exe)
	cmd.Env = append(append(os.Environ(), "CAPSULE_TEST="+what), env...)
	cmd.Stderr = os.Stderr
	return cmd
}

// listed are the names that another process finds, with what else it knows.
func listed(t *testing.T, ctx context.Context) map[string]capsule.Status {
	t.Helper()
	out, err := other(t, ctx, "list").Output()
	if err != nil {
		t.Fatal(err, string(out))
	}
	var all []capsule.Status
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatal(err, string(out))
	}
	byName := map[string]capsule.Status{}
	for _, s := range all {
		byName[s.Name] = s
	}
	return byName
}
