package lsp_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/uri"

	"github.com/rigx-build/rigx/lsp"
)

// TestSessions replays what real editors sent while somebody worked on the
// example: VS Code 1.100 and Neovim 0.12. Whatever they ask is answered, unless
// they no longer want it. In testdata/sessions, $DIR and $URI stand for the
// project.
func TestSessions(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "sessions", "*.jsonl"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) { replay(t, file) })
	}
}

func replay(t *testing.T, file string) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "testdata", "example"))); err != nil {
		t.Fatal(err)
	}
	session, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	inJSON := func(s string) string {
		data, _ := json.Marshal(s)
		return string(data[1 : len(data)-1])
	}
	text := strings.NewReplacer("$URI", string(uri.File(dir)), "$DIR", inJSON(dir)).Replace(string(session))

	here, there := net.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- lsp.NewServer(lsp.Options{CacheDir: t.TempDir()}).Serve(context.Background(), jsonrpc2.NewStream(there))
	}()
	r := &replayer{conn: here, methods: map[string]string{}, answered: make(chan struct{}, 1)}
	go r.read(t)
	for line := range strings.Lines(text) {
		if err := r.send([]byte(strings.TrimSpace(line))); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.After(20 * time.Second)
	for r.waiting() != "" {
		select {
		case <-r.answered:
		case <-deadline:
			t.Fatal("not answered: ", r.waiting())
		}
	}
	here.Close()
	if err := <-ended; !errors.Is(err, lsp.ErrNoShutdown) {
		t.Error(err) // the editor left without a word, and nothing else happened
	}
}

// replayer is an editor's end of a connection.
type replayer struct {
	conn     net.Conn
	writing  sync.Mutex
	mu       sync.Mutex
	methods  map[string]string // of requests that wait, by id
	answered chan struct{}
}

type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func (r *replayer) send(data []byte) error {
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	if m.ID != nil && m.Method != "" {
		r.mu.Lock()
		r.methods[string(m.ID)] = m.Method
		r.mu.Unlock()
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	_, err := fmt.Fprintf(r.conn, "Content-Length: %d\r\n\r\n%s", len(data), data)
	return err
}

func (r *replayer) waiting() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []string
	for id, method := range r.methods {
		list = append(list, id+" "+method)
	}
	return strings.Join(list, ", ")
}

// read takes the server's messages, and answers what it asks with nothing.
func (r *replayer) read(t *testing.T) {
	const cancelled, modified = -32800, -32801
	in := bufio.NewReader(r.conn)
	for {
		length := 0
		for {
			line, err := in.ReadBytes('\n')
			if err != nil {
				return
			}
			if line = bytes.TrimSpace(line); len(line) == 0 {
				break
			}
			_, _ = fmt.Sscanf(string(line), "Content-Length: %d", &length)
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(in, body); err != nil || len(body) == 0 {
			return
		}
		var m message
		if err := json.Unmarshal(body, &m); err != nil {
			t.Errorf("%v in %s", err, body)
			return
		}
		switch {
		case m.Method != "" && m.ID != nil:
			go func() { _ = r.send([]byte(`{"jsonrpc":"2.0","id":` + string(m.ID) + `,"result":null}`)) }()
		case m.ID != nil:
			r.mu.Lock()
			method := r.methods[string(m.ID)]
			delete(r.methods, string(m.ID))
			r.mu.Unlock()
			if m.Error != nil && m.Error.Code != cancelled && m.Error.Code != modified {
				t.Errorf("%s: %s", method, m.Error.Message)
			}
			select {
			case r.answered <- struct{}{}:
			default:
			}
		}
	}
}
