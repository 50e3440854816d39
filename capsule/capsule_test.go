package capsule_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rigx-build/rigx/capsule"
)

func TestServe(t *testing.T) {
	ctx := engine(t)
	im := build(t, "serve :5000 600ms")
	c := start(t, ctx, im, capsule.Options{Publish: publish(5000, "127.0.0.1:0"), PublishUDP: publish(5000, "127.0.10.2:0")})
	before := time.Now()
	if err := c.WaitForPort(ctx, 5000); err != nil {
		t.Fatal(err)
	}
	t.Log("waited", time.Since(before))
	if got := ask(t, "tcp", address(t, c), "hi"); !strings.HasPrefix(got, "echo hi from ") {
		t.Error(got)
	}
	s, err := c.State(ctx)
	if err != nil || !s.Running || len(s.PublishUDP[5000]) != 1 {
		t.Fatalf("%+v %v", s, err)
	}
	if at := s.PublishUDP[5000][0]; at.Addr().String() != "127.0.10.2" || ask(t, "udp", at.String(), "hi") != "echo hi" {
		t.Error(at)
	}
	var log bytes.Buffer
	if err := c.Logs(ctx, &log, false); err != nil || log.String() != "starting\nlistening\n" {
		t.Errorf("%q %v", log.String(), err)
	}
	// Commands inside: input, output, status.
	var out, errOut bytes.Buffer
	status, err := c.Exec(ctx, capsule.ExecRequest{Args: []string{"/echo", "upper"}, Stdin: strings.NewReader("quiet\nwords\n"), Stdout: &out, Stderr: &errOut})
	if err != nil || status != 0 || out.String() != "QUIET\nWORDS\n" {
		t.Error(status, err, out.String(), errOut.String())
	}
	if status, err := c.Exec(ctx, capsule.ExecRequest{Args: []string{"/echo", "die", "23"}, Stdout: &out, Stderr: &errOut}); status != 23 || err != nil || errOut.String() != "for good\n" {
		t.Error(status, err, errOut.String())
	}
	// Stopping lets it end by itself.
	followed := make(chan string)
	go func() {
		var log bytes.Buffer
		_ = c.Logs(ctx, &log, true)
		followed <- log.String()
	}()
	status = stopAndWait(t, ctx, c)
	if status != 7 {
		t.Error("exit status", status)
	}
	if log := <-followed; !strings.HasSuffix(log, "asked to stop\n") {
		t.Errorf("%q", log)
	}
}

// stopAndWait stops a capsule, and returns what Wait says.
func stopAndWait(t *testing.T, ctx context.Context, c *capsule.Capsule) int {
	t.Helper()
	waited := make(chan int)
	go func() {
		status, err := c.Wait(ctx)
		if err != nil {
			t.Error(err)
		}
		waited <- status
	}()
	time.Sleep(200 * time.Millisecond)
	if err := c.Stop(ctx); err != nil {
		t.Error(err)
	}
	return <-waited
}

func TestDiesAtOnce(t *testing.T) {
	ctx := engine(t)
	_, err := build(t, "die 3").Start(ctx, capsule.Options{Name: "rigx-test-dies"})
	var e *capsule.Error
	if !errors.As(err, &e) || e.Reason != capsule.Died || e.Status != 3 {
		t.Fatalf("%#v", err)
	}
	slices.Sort(e.Log) // docker mixes both streams as it likes
	if !slices.Equal(e.Log, []string{"for good", "going down"}) {
		t.Fatalf("%#v", err)
	}
	if _, left := listed(t, ctx)["rigx-test-dies"]; left {
		t.Error("it is left behind")
	}
	// One that has done its work is no failure.
	c := start(t, ctx, build(t, "die 0"), capsule.Options{})
	if status, err := c.Wait(ctx); status != 0 || err != nil {
		t.Error(status, err)
	}
	if err := c.WaitForPort(ctx, 5000); reason(err) != capsule.Died {
		t.Error(err)
	}
	if _, err := c.Exec(ctx, capsule.ExecRequest{Args: []string{"/echo", "env"}}); reason(err) != capsule.NotFound {
		t.Error(err)
	}
	// A program that is not there.
	im := build(t, "env")
	if err := os.WriteFile(im.Dir+"/entry", []byte("/nothing"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := im.Start(ctx, capsule.Options{Name: "rigx-test-dies"}); reason(err) != capsule.Failed || !strings.Contains(err.Error(), "/nothing") {
		t.Error(err)
	}
	if _, left := listed(t, ctx)["rigx-test-dies"]; left {
		t.Error("it is left behind")
	}
}

func TestDiesWhileWaitedFor(t *testing.T) {
	ctx := engine(t)
	c := start(t, ctx, build(t, "serve 1.2.3.4:5000 400ms"), capsule.Options{Publish: publish(5000, "127.0.0.1:0")})
	err := c.WaitForPort(ctx, 5000)
	if reason(err) != capsule.Died || !strings.Contains(err.Error(), "cannot assign requested address") {
		t.Error(err)
	}
}

func TestWaitsTooLong(t *testing.T) {
	ctx := engine(t)
	c := start(t, ctx, build(t, "serve 127.0.0.1:5000 0"), capsule.Options{Publish: publish(5000, "127.0.0.1:0")})
	short, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err := c.WaitForPort(short, 5000)
	if reason(err) != capsule.Timeout || !strings.Contains(err.Error(), "let it listen on 0.0.0.0") {
		t.Error(err)
	}
	shorter, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := c.WaitForPort(shorter, 5001); reason(err) != capsule.Timeout {
		t.Error("nobody listens on 5001:", err)
	}
}

func TestDeafCapsuleIsKilled(t *testing.T) {
	ctx := engine(t)
	c := start(t, ctx, build(t, "deaf"), capsule.Options{Name: "rigx-test-deaf"})
	if err := c.Stop(ctx); err != nil {
		t.Error(err)
	}
	if err := c.Stop(ctx); err != nil {
		t.Error("stopped again:", err)
	}
	if _, left := listed(t, ctx)["rigx-test-deaf"]; left {
		t.Error("it is left behind")
	}
}

func TestEnvironment(t *testing.T) {
	ctx := engine(t)
	env := map[string]string{
		"PLAIN": "x", "COMMAS": "a,b,,c,", "LINES": "one\ntwo\n", "BACKSLASH": `\,\\,`, "QUOTES": `it's "$HOME" $(id)`, "EMPTY": "",
		"EQUALS": "k=v,l=w", "UNICODE": "grün", "FLIGHT-COMPUTER_5001_ADDR": "127.0.0.1:1",
	}
	// Those of this program's own runner are nothing to it.
	t.Setenv("RIGX_ENV", "LEAKED=1")
	c := start(t, ctx, build(t, "env"), capsule.Options{Env: env})
	if _, err := c.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if err := c.Logs(ctx, &log, false); err != nil {
		t.Fatal(err)
	}
	for name, value := range env {
		if want := fmt.Sprintf("%q\n", name+"="+value); !strings.Contains(log.String(), want) {
			t.Errorf("there is no %s in\n%s", want, &log)
		}
	}
	if strings.Contains(log.String(), "LEAKED") {
		t.Error("a variable of the runner's leaked")
	}
	for _, bad := range []string{"", "A=B", "A,B", "A B", "A\n"} {
		if _, err := build(t, "env").Start(ctx, capsule.Options{Env: map[string]string{bad: ""}}); reason(err) != capsule.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestVolumes(t *testing.T) {
	ctx := engine(t)
	root := t.TempDir()
	if err := os.MkdirAll(root+"/in", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/in/file", []byte("from outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := start(t, ctx, build(t, "deaf"), capsule.Options{ProjectRoot: root, Volumes: []capsule.Volume{
		{Host: root + "/in", Container: "/in", Mode: "ro"}, {Host: "out", Container: "/out"},
	}})
	run := func(args ...string) (int, string) {
		var out bytes.Buffer
		status, err := c.Exec(ctx, capsule.ExecRequest{Args: append([]string{"/echo"}, args...), Stdout: &out, Stderr: &out})
		if err != nil {
			t.Error(err)
		}
		return status, out.String()
	}
	if _, out := run("cat", "/in/file"); out != "from outside <nil>\n" {
		t.Error(out)
	}
	if status, out := run("write", "/in/file", "x"); status != 3 || !strings.Contains(out, "read-only") {
		t.Error(status, out)
	}
	if status, out := run("write", "/out/file", "from inside"); status != 0 {
		t.Error(status, out)
	}
	if got, err := os.ReadFile(root + "/out/file"); string(got) != "from inside" {
		t.Error(string(got), err)
	}
	for _, bad := range []capsule.Volume{{Host: "a", Container: "relative"}, {Host: "", Container: "/x"}, {Host: "a:b", Container: "/x"}, {Host: "a", Container: "/x", Mode: "rx"}} {
		if _, err := build(t, "env").Start(ctx, capsule.Options{Volumes: []capsule.Volume{bad}}); reason(err) != capsule.Invalid {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestPortTaken(t *testing.T) {
	ctx := engine(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	taken := l.Addr().String()
	_, err = build(t, "deaf").Start(ctx, capsule.Options{Publish: publish(5000, taken)})
	who := fmt.Sprintf("(process %d)", os.Getpid())
	if reason(err) != capsule.PortTaken || !strings.Contains(err.Error(), taken) || !strings.Contains(err.Error(), who) {
		t.Error(err)
	}
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, err = build(t, "deaf").Start(ctx, capsule.Options{PublishUDP: publish(5000, c.LocalAddr().String())})
	if reason(err) != capsule.PortTaken || !strings.Contains(err.Error(), "udp port") {
		t.Error(err)
	}
	if _, err := build(t, "deaf").Start(ctx, capsule.Options{Publish: publish(5000, "192.0.2.1:5000")}); reason(err) != capsule.Invalid {
		t.Error(err)
	}
	twice := map[uint16][]netip.AddrPort{5000: {netip.MustParseAddrPort(freeAddr(t))}}
	twice[5001] = twice[5000]
	if _, err := build(t, "deaf").Start(ctx, capsule.Options{Publish: twice}); reason(err) != capsule.PortTaken {
		t.Error(err)
	}
}

func freeAddr(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestNameTaken(t *testing.T) {
	ctx := engine(t)
	im := build(t, "deaf")
	start(t, ctx, im, capsule.Options{Name: "rigx-test-name"})
	if _, err := im.Start(ctx, capsule.Options{Name: "rigx-test-name"}); reason(err) != capsule.NameTaken || !strings.Contains(err.Error(), "the capsule `thing`, which runs") {
		t.Error(err)
	}
	if s := listed(t, ctx)["rigx-test-name"]; !s.Running {
		t.Error("the first one is gone")
	}
	// One that has ended makes room.
	ended := build(t, "die 0")
	for range 2 {
		c := start(t, ctx, ended, capsule.Options{Name: "rigx-test-ended"})
		if _, err := c.Wait(ctx); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"-x", "a b", "a/b", "ü"} {
		if _, err := im.Start(ctx, capsule.Options{Name: bad}); reason(err) != capsule.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestSameName starts several capsules by one name at once: one of them runs, and
// those that come too late do it no harm.
func TestSameName(t *testing.T) {
	ctx := engine(t)
	im := build(t, "deaf")
	var wg sync.WaitGroup
	started := make([]*capsule.Capsule, 4)
	errs := make([]error, len(started))
	for i := range started {
		wg.Go(func() { started[i], errs[i] = im.Start(ctx, capsule.Options{Name: "rigx-test-same"}) })
	}
	wg.Wait()
	won := 0
	for i, c := range started {
		if c == nil {
			if reason(errs[i]) != capsule.NameTaken {
				t.Error(errs[i])
			}
			continue
		}
		won++
		if s, err := c.State(ctx); err != nil || !s.Running {
			t.Error(s, err)
		}
		defer func() { _ = c.Stop(ctx) }()
	}
	if won != 1 || !listed(t, ctx)["rigx-test-same"].Running {
		t.Error(won, "were started")
	}
}

// TestPodmanAsDocker has podman under the name of docker, as distributions
// install it, beside itself.
func TestPodmanAsDocker(t *testing.T) {
	ctx := engine(t)
	podman, err := exec.LookPath("podman")
	if err != nil || engineName() != "podman" {
		t.Skip("the engine is not podman")
	}
	bin := t.TempDir()
	if err := os.Symlink(podman, bin+"/docker"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("RIGX_ENGINE", "")
	c := start(t, ctx, build(t, "serve :5000 0"), capsule.Options{Publish: publish(5000, "127.0.0.1:0")})
	if err := c.WaitForPort(ctx, 5000); err != nil {
		t.Error(err)
	}
	all, err := capsule.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	times := 0
	for _, s := range all {
		if s.Name == c.Name {
			times++
		}
	}
	if times != 1 {
		t.Error("it is listed", times, "times")
	}
}

// TestDamagedState: a file about a virtual machine that cannot be read, or of one
// that is long gone, is in nobody's way.
func TestDamagedState(t *testing.T) {
	ctx := engine(t)
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := cache + "/rigx/capsules"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"broken": "{", "empty": "",
		"gone": `{"name":"gone","target":"thing","project":"/p","pid":1,"start":"0@another boot","dir":"` + t.TempDir() + `/gone"}`,
	} {
		if err := os.WriteFile(dir+"/"+name+".json", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := listed(t, ctx)
	if _, there := all["broken"]; there || all["gone"].Running || all["gone"].Status != -1 {
		t.Errorf("%+v", all)
	}
	gone, err := capsule.Find(ctx, "/p", "thing")
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Stop(ctx); err != nil {
		t.Error(err)
	}
	if _, there := listed(t, ctx)["gone"]; there {
		t.Error("it is still there")
	}
}

func TestNoEngine(t *testing.T) {
	engine(t)
	t.Setenv("RIGX_ENGINE", "")
	im := build(t, "deaf")
	t.Setenv("PATH", t.TempDir())
	_, err := im.Start(t.Context(), capsule.Options{})
	if reason(err) != capsule.NoEngine || !strings.Contains(err.Error(), "install the package podman") {
		t.Error(err)
	}
	// A client without a daemon does not answer.
	bin := t.TempDir()
	if err := os.WriteFile(bin+"/docker", []byte("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2; exit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	_, err = im.Start(t.Context(), capsule.Options{})
	if reason(err) != capsule.NoEngine || !strings.Contains(err.Error(), "Cannot connect to the Docker daemon") {
		t.Error(err)
	}
	if all, err := capsule.List(t.Context()); err != nil || len(all) > 0 {
		t.Error("without an engine no container runs:", all, err)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	if _, err := capsule.Open(dir + "/greeter"); reason(err) != capsule.NotBuilt || !strings.Contains(err.Error(), "rigx build greeter") {
		t.Error(err)
	}
	for text, want := range map[string]string{
		`{`: "damaged", `{"version":2}`: "newer rigx", `{"version":1,"name":"x","backend":"wasm"}`: `no backend "wasm"`,
		`{"version":1,"backend":"lite"}`: "name is missing", `{"version":1,"name":"x","backend":"lite","runner":"../../evil"}`: "outside",
		`{"version":1,"name":"x","backend":"lite"}`: "cannot be run",
	} {
		if err := os.WriteFile(dir+"/manifest.json", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := capsule.Open(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	_ = os.Rename(dir+"/manifest.json", dir+"/other")
	if _, err := capsule.Open(dir); err == nil || !strings.Contains(err.Error(), "is not a capsule") {
		t.Error(err)
	}
}

func TestTwoAtOnce(t *testing.T) {
	ctx := engine(t)
	im := build(t, "serve :5000 0")
	s := session()
	var wg sync.WaitGroup
	names := make([]string, 4)
	for i := range names {
		wg.Go(func() {
			c, err := im.Start(ctx, capsule.Options{Session: s, Publish: publish(5000, "127.0.0.1:0")})
			if err != nil {
				t.Error(err)
				return
			}
			names[i] = c.Name
			if err := c.WaitForPort(ctx, 5000); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	seen := listed(t, ctx)
	for _, name := range names {
		if got := seen[name]; !got.Running || got.Target != "thing" || got.Backend != capsule.Lite || got.Publish[5000] == nil || got.PID == 0 || got.Start == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	seen = listed(t, ctx)
	for _, name := range names {
		if _, left := seen[name]; left {
			t.Error("left behind:", name)
		}
	}
	if _, err := im.Start(ctx, capsule.Options{Session: s}); err == nil {
		t.Error("the session is closed")
	}
}

func TestFind(t *testing.T) {
	ctx := engine(t)
	im, project := build(t, "deaf"), t.TempDir()
	start(t, ctx, im, capsule.Options{Name: "rigx-test-find", ProjectRoot: project})
	for _, name := range []string{"rigx-test-find", "thing"} {
		c, err := capsule.Find(ctx, project, name)
		if err != nil || c.Name != "rigx-test-find" {
			t.Fatal(c, err)
		}
		if s, err := c.State(ctx); err != nil || !s.Running {
			t.Error(s, err)
		}
	}
	if _, err := capsule.Find(ctx, t.TempDir(), "thing"); reason(err) != capsule.NotFound {
		t.Error("it is of another project:", err)
	}
	if _, err := capsule.Find(ctx, project, "other"); reason(err) != capsule.NotFound || !strings.Contains(err.Error(), "there is rigx-test-find") {
		t.Error(err)
	}
	start(t, ctx, im, capsule.Options{Name: "rigx-test-find2", ProjectRoot: project})
	if _, err := capsule.Find(ctx, project, "thing"); reason(err) != capsule.Invalid || !strings.Contains(err.Error(), "rigx-test-find, rigx-test-find2") {
		t.Error(err)
	}
}

func TestGateAndPlace(t *testing.T) {
	ctx := engine(t)
	c := start(t, ctx, build(t, "serve :5000 0"), capsule.Options{
		Gate: true, Publish: publish(5000, "127.0.0.1:0"), Hosts: map[string]netip.Addr{"peer": netip.MustParseAddr("127.0.10.9")},
	})
	var log bytes.Buffer
	if err := c.Logs(ctx, &log, false); err != nil || log.Len() > 0 {
		t.Error("it did not wait for its gate:", log.String(), err)
	}
	place, err := c.Place()
	if os.Getuid() != 0 {
		if reason(err) != capsule.Unsupported {
			t.Error(err)
		}
		t.Skip("only the superuser can enter a network")
	}
	if err != nil {
		t.Fatal(err)
	}
	// A peer that only the capsule sees, by its name.
	peer := netip.MustParseAddrPort("127.0.10.9:5001")
	l, err := place.Listen(ctx, "tcp", peer)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprintln(conn, "the peer greets")
			conn.Close()
		}
	}()
	if _, err := net.DialTimeout("tcp", peer.String(), time.Second); err == nil {
		t.Error("the host sees what is in the capsule's network")
	}
	for range 2 {
		if err := c.Release(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.WaitForPort(ctx, 5000); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, "tcp", address(t, c), "dial peer:5001"); got != "the peer greets" {
		t.Error(got)
	}
	// The other way, with a source of one's choice.
	conn, err := place.Dial(ctx, "tcp", netip.MustParseAddrPort("127.0.10.9:0"), netip.MustParseAddrPort("127.0.0.1:5000"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(conn, "hi")
	if line, err := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(line, "echo hi from 127.0.10.9:") {
		t.Error(line, err)
	}
	conn.Close()
	packets, err := place.ListenPacket(ctx, "udp", netip.MustParseAddrPort("127.0.10.9:6000"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packets.Close() }()
	datagrams, err := place.Dial(ctx, "udp", netip.AddrPort{}, netip.MustParseAddrPort("127.0.10.9:6000"))
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	fmt.Fprint(datagrams, "datagram")
	buffer := make([]byte, 20)
	if n, _, err := packets.ReadFrom(buffer); string(buffer[:n]) != "datagram" {
		t.Error(string(buffer[:n]), err)
	}
}
