package control_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rigx-build/rigx/testbed/control"
)

func dial(t testing.TB, s *control.Server) *control.Client {
	t.Helper()
	c, err := control.Dial(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// eventually waits for what has to become true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func networks(t testing.TB, c *control.Client) int {
	t.Helper()
	var all struct{ Networks []control.NetworkState }
	if err := c.Call("server.networks", struct{}{}, &all); err != nil {
		t.Fatal(err)
	}
	return len(all.Networks)
}

// TestOwnerOnly looks at who may open the socket.
func TestOwnerOnly(t *testing.T) {
	s := serve(t, control.Options{})
	for path, want := range map[string]os.FileMode{
		s.Path():               os.ModeSocket | 0o600,
		filepath.Dir(s.Path()): os.ModeDir | 0o700,
		filepath.Join(filepath.Dir(s.Path()), "server.json"): 0o600,
		filepath.Dir(filepath.Dir(s.Path())):                 os.ModeDir | 0o700,
	} {
		info, err := os.Stat(path)
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, want %v (%v)", path, info.Mode(), want, err)
		}
	}
}

// TestForeignDirectory refuses a directory that others may enter: they could
// have put a socket of theirs there.
func TestForeignDirectory(t *testing.T) {
	serve(t, control.Options{}) // sets XDG_RUNTIME_DIR
	dir := filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "rigx")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	s, err := control.Start(control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if strings.HasPrefix(s.Path(), dir) {
		t.Errorf("%s is used, which others may enter", dir)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

// TestSession takes down what a session owns when its first connection ends, and
// only then.
func TestSession(t *testing.T) {
	s := serve(t, control.Options{})
	observer := dial(t, s)
	before := runtime.NumGoroutine()

	first, err := net.Dial("unix", s.Path())
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(first)
	fmt.Fprintln(first, `{"id":1,"method":"hello","params":{}}`)
	var hello struct{ Result struct{ Session string } }
	line, _ := answers.ReadBytes('\n')
	if err := json.Unmarshal(line, &hello); err != nil || hello.Result.Session == "" {
		t.Fatalf("%s %v", line, err)
	}
	second, err := net.Dial("unix", s.Path())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(second, `{"id":1,"method":"hello","params":{"session":%q}}`+"\n", hello.Result.Session)
	fmt.Fprintln(second, `{"id":2,"method":"network.open","params":{}}`)
	fmt.Fprintln(second, `{"id":3,"method":"network.volume","params":{"network":1,"name":"data"}}`)
	fmt.Fprintln(second, `{"id":4,"method":"network.follow","params":{"network":1}}`)
	more := bufio.NewReader(second)
	var volume struct{ Result struct{ Path string } }
	for range 3 {
		line, _ = more.ReadBytes('\n')
	}
	if err := json.Unmarshal(line, &volume); err != nil || volume.Result.Path == "" {
		t.Fatalf("%s %v", line, err)
	}
	second.Close()
	for range 3 { // what the second connection opened stays
		if n := networks(t, observer); n != 1 {
			t.Fatalf("%d networks", n)
		}
	}
	first.Close()
	eventually(t, "the network is gone", func() bool { return networks(t, observer) == 0 })
	eventually(t, volume.Result.Path+" is gone", func() bool {
		_, err := os.Stat(volume.Result.Path)
		return errors.Is(err, os.ErrNotExist)
	})
	eventually(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
}

// TestMalformed sends what is no request. Each is answered or cut off, and the
// server serves on.
func TestMalformed(t *testing.T) {
	s := serve(t, control.Options{})
	c := dial(t, s)
	deep := strings.Repeat("[", 200_000)
	tests := []struct{ name, send, want string }{
		{"no JSON", "hello?\n", "not a request"},
		{"no object", "[1]\n", "not a request"},
		{"no method", `{"id":1}` + "\n", "hello"},
		{"no hello", `{"id":1,"method":"network.open"}` + "\n", "hello"},
		{"unknown session", `{"id":1,"method":"hello","params":{"session":"x"}}` + "\n", "no session"},
		{"unknown method", hi + `{"id":2,"method":"nonsense"}` + "\n", "nonsense"},
		{"two hellos", hi + hi, "already"},
		{"unknown parameter", hi + `{"id":2,"method":"network.open","params":{"subnets":"x"}}` + "\n", "subnets"},
		{"wrong type", hi + `{"id":2,"method":"network.open","params":{"subnet":7}}` + "\n", "subnet"},
		{"no network", hi + `{"id":2,"method":"network.state","params":{}}` + "\n", "number of a network"},
		{"no params", hi + `{"id":2,"method":"network.state"}` + "\n", "network.state"},
		{"closed network", hi + `{"id":2,"method":"network.state","params":{"network":9}}` + "\n", "closed"},
		{"no capsule", hi + `{"id":2,"method":"capsule.stop","params":{"capsule":9}}` + "\n", "no capsule 9"},
		{"deep", `{"id":1,"params":` + deep + "\n", "not a request"},
		{"too long", strings.Repeat("x", control.MaxMessage+1), "longer than"},
		{"cut off", `{"id":1,"method":"hello"`, ""},
		{"zero bytes", strings.Repeat("\x00", 1000) + "\n", "not a request"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			conn, err := net.Dial("unix", s.Path())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, test.send)
			_ = conn.(*net.UnixConn).CloseWrite()
			got, _ := io.ReadAll(conn)
			if test.want == "" && len(got) > 0 || !bytes.Contains(got, []byte(test.want)) {
				t.Errorf("got %.300s, want %q", got, test.want)
			}
			if n := networks(t, c); n != 0 {
				t.Errorf("%d networks", n)
			}
		})
	}
}

const hi = `{"id":1,"method":"hello","params":{}}` + "\n"

// TestConnections opens more connections than there may be. The rest is turned
// away, and there is room again when some have gone.
func TestConnections(t *testing.T) {
	s := serve(t, control.Options{})
	var open []net.Conn
	for range control.MaxConnections + 20 {
		c, err := net.Dial("unix", s.Path())
		if err != nil {
			break
		}
		open = append(open, c)
	}
	for _, c := range open {
		c.Close()
	}
	eventually(t, "there is room", func() bool {
		c, err := control.Dial(s.Path())
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// TestList finds running servers, and forgets those that were killed.
func TestList(t *testing.T) {
	s := serve(t, control.Options{Project: "/p", Target: "lab"})
	dead := filepath.Join(filepath.Dir(filepath.Dir(s.Path())), "control-dead")
	if err := os.Mkdir(dead, 0o700); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(dead, old, old); err != nil {
		t.Fatal(err)
	}
	running, err := control.List()
	if err != nil || len(running) != 1 || running[0].Target != "lab" || running[0].PID != os.Getpid() || running[0].Socket != s.Path() {
		t.Errorf("%+v %v", running, err)
	}
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left", dead)
	}
}

// FuzzRequests sends lines to a server; it answers each that is a request, and
// survives all.
func FuzzRequests(f *testing.F) {
	dir, err := os.MkdirTemp("", "c")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { os.RemoveAll(dir) })
	f.Setenv("XDG_RUNTIME_DIR", dir)
	s, err := control.Start(control.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	for _, method := range control.Methods() {
		f.Add([]byte(`{"id":2,"method":"` + method + `","params":{"network":1,"capsule":1,"src":"a","dst":"b","port":1,"name":"c","proto":"tcp"}}`))
	}
	f.Add([]byte(`{"id":2,"method":"network.declare","params":{"network":1,"name":"c","listens_on":[1,2],"expose":[["127.0.0.1",1]],"volumes":[{"volume":0,"path":"/x"}]}}`))
	f.Add([]byte(`{"id":2,"method":"network.fault","params":{"network":1,"src":"a","dst":"b","rule":{"burst":{"enter":1,"leave":1,"loss":1},"delay_ms":1e300}}}`))
	f.Add([]byte(`{"id":2,"method":"network.partition","params":{"network":1,"a":["a"],"b":["b"]}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.Contains(line, []byte("path")) {
			return // it would write files
		}
		conn, err := net.Dial("unix", s.Path())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, hi+`{"id":1,"method":"network.open","params":{}}
{"id":1,"method":"network.declare","params":{"network":1,"name":"a"}}
{"id":1,"method":"network.declare","params":{"network":1,"name":"b","listens_on":[1]}}
{"id":1,"method":"network.link","params":{"network":1,"src":"a","dst":"b","port":1,"proto":"tcp"}}
`)
		_, _ = conn.Write(append(line, '\n'))
		_ = conn.(*net.UnixConn).CloseWrite()
		got, err := io.ReadAll(conn)
		if err != nil || bytes.Contains(got, []byte("internal error")) {
			t.Errorf("%v\n%s", err, got)
		}
		if n := bytes.Count(got, []byte("\n")); n < 6 && !bytes.Contains(line, []byte("\n")) && !bytes.Contains(line, []byte("capsule.start")) {
			// An end of the session while a request is served cancels it.
			if json.Valid(line) && !bytes.Contains(got, []byte("protocol")) && n < 5 {
				t.Errorf("%d answers:\n%s", n, got)
			}
		}
	})
}
