package lsp_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/rigx-build/rigx/lsp"
)

// editor is a client of a server in the same process.
type editor struct {
	protocol.UnimplementedClient
	t      testing.TB
	server protocol.Server
	conn   jsonrpc2.Conn
	done   chan error // of the server
	hangUp func()
	dir    string

	mu        sync.Mutex
	wake      *sync.Cond
	published map[uri.URI]*protocol.PublishDiagnosticsParams
	progress  []string
	messages  []string
	log       []string
	traces    []string

	lensRefreshes atomic.Int64
}

// open starts an editor in a folder with files, given as name and text in turn.
func open(t testing.TB, files ...string) *editor {
	t.Helper()
	return openWith(t, nil, files...)
}

func openWith(t testing.TB, adjust func(*protocol.InitializeParams), files ...string) *editor {
	t.Helper()
	// On some systems the temporary directory is behind a link.
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e := &editor{t: t, dir: dir, done: make(chan error, 1), published: map[uri.URI]*protocol.PublishDiagnosticsParams{}}
	e.wake = sync.NewCond(&e.mu)
	for i := 0; i < len(files); i += 2 {
		e.write(files[i], files[i+1])
	}
	here, there := net.Pipe()
	go func() {
		e.done <- lsp.NewServer(lsp.Options{Program: program(t)}).Serve(context.Background(), jsonrpc2.NewStream(held{there}))
	}()
	_, e.conn, e.server = protocol.NewClient(t.Context(), e, jsonrpc2.NewStream(here))
	e.hangUp = func() { here.Close() }
	t.Cleanup(e.hangUp)

	yes := true
	params := &protocol.InitializeParams{Capabilities: protocol.ClientCapabilities{
		Window: &protocol.WindowClientCapabilities{WorkDoneProgress: &yes},
	}}
	if adjust != nil {
		adjust(params)
	}
	if _, err := e.server.Initialize(t.Context(), params); err != nil {
		t.Fatal(err)
	}
	if err := e.server.Initialized(t.Context(), &protocol.InitializedParams{}); err != nil {
		t.Fatal(err)
	}
	return e
}

// held is like a standard input: closing it does not end a read that waits, only
// the client does.
type held struct{ net.Conn }

func (held) Close() error { return nil }

func (e *editor) write(name, text string) {
	path := filepath.Join(e.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		e.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		e.t.Fatal(err)
	}
}

func (e *editor) uri(name string) uri.URI {
	return uri.File(filepath.Join(e.dir, filepath.FromSlash(name)))
}

func (e *editor) didOpen(name, text string) {
	e.t.Helper()
	err := e.server.DidOpen(e.t.Context(), &protocol.DidOpenTextDocumentParams{TextDocument: protocol.TextDocumentItem{
		URI: e.uri(name), LanguageID: "toml", Version: 1, Text: text,
	}})
	if err != nil {
		e.t.Fatal(err)
	}
}

// edit replaces what lies between two positions.
func (e *editor) edit(name string, version int32, from, to protocol.Position, text string) {
	e.t.Helper()
	e.change(name, version, &protocol.TextDocumentContentChangePartial{Range: protocol.Range{Start: from, End: to}, Text: text})
}

func (e *editor) change(name string, version int32, changes ...protocol.TextDocumentContentChangeEvent) {
	e.t.Helper()
	params := &protocol.DidChangeTextDocumentParams{ContentChanges: changes}
	params.TextDocument.URI = e.uri(name)
	params.TextDocument.Version = version
	if err := e.server.DidChange(e.t.Context(), params); err != nil {
		e.t.Fatal(err)
	}
}

func (e *editor) PublishDiagnostics(_ context.Context, params *protocol.PublishDiagnosticsParams) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	// The client library handles notifications at once, so they may overtake.
	if last := e.published[params.URI]; last != nil {
		if v, ok := last.Version.Get(); ok {
			if w, ok := params.Version.Get(); ok && w < v {
				return nil
			}
		}
	}
	e.published[params.URI] = params
	e.wake.Broadcast()
	return nil
}

func (e *editor) LogTrace(_ context.Context, params *protocol.LogTraceParams) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	text := params.Message
	if params.Verbose != nil {
		text += " " + *params.Verbose
	}
	e.traces = append(e.traces, text)
	e.wake.Broadcast()
	return nil
}

func (e *editor) Progress(_ context.Context, params *protocol.ProgressParams) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.progress = append(e.progress, string(params.Value))
	e.wake.Broadcast()
	return nil
}

func (e *editor) CodeLensRefresh(context.Context) error {
	e.lensRefreshes.Add(1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wake.Broadcast()
	return nil
}

func (e *editor) ShowMessage(_ context.Context, params *protocol.ShowMessageParams) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.messages = append(e.messages, params.Message)
	e.wake.Broadcast()
	return nil
}

func (e *editor) LogMessage(_ context.Context, params *protocol.LogMessageParams) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.log = append(e.log, params.Message)
	e.wake.Broadcast()
	return nil
}

func (e *editor) WorkDoneProgressCreate(context.Context, *protocol.WorkDoneProgressCreateParams) error {
	return nil
}

// until waits for something that the server is going to say.
func (e *editor) until(what string, holds func() bool) {
	e.t.Helper()
	timeout := time.AfterFunc(20*time.Second, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.wake.Broadcast()
	})
	defer timeout.Stop()
	start := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	for !holds() {
		if time.Since(start) > 19*time.Second {
			e.t.Fatalf("waited in vain for %s; published: %s, log: %q", what, e.summary(), e.log)
		}
		e.wake.Wait()
	}
}

// diagnostics waits for those of a version of a document and returns them as
// "line:from-to code message", the message up to its first line's end.
func (e *editor) diagnostics(name string, version int32) []string {
	e.t.Helper()
	var out []string
	e.until(fmt.Sprintf("diagnostics of %s, version %d", name, version), func() bool {
		p := e.published[e.uri(name)]
		if p == nil {
			return false
		}
		if v, _ := p.Version.Get(); v != version {
			return false
		}
		out = lines(p)
		return true
	})
	return out
}

func lines(p *protocol.PublishDiagnosticsParams) []string {
	out := []string{}
	for _, d := range p.Diagnostics {
		message, _, _ := strings.Cut(string(d.Message.(protocol.String)), "\n")
		out = append(out, fmt.Sprintf("%d:%d-%d %s %s", d.Range.Start.Line, d.Range.Start.Character, d.Range.End.Character, d.Code, message))
	}
	return out
}

func (e *editor) summary() string {
	var b strings.Builder
	for u, p := range e.published {
		fmt.Fprintf(&b, "%s: %q; ", u, lines(p))
	}
	return b.String()
}

func at(line, character uint32) protocol.Position {
	return protocol.Position{Line: line, Character: character}
}

const project = `[project]
name = "p"

[targets.greet]
kind = "static_library"
sources = ["a.c"]

[targets.hello]
kind = "executable"
sources = ["a.c"]
deps.internal = ["gret"]
`

func TestDiagnosticsAppearAndVanish(t *testing.T) {
	e := open(t, "rigx.toml", project, "a.c", "")
	e.didOpen("rigx.toml", project)
	want := []string{"10:18-22 E0203 unknown target `gret` in deps.internal; did you mean `greet`?"}
	if diff := cmp.Diff(want, e.diagnostics("rigx.toml", 1)); diff != "" {
		t.Error(diff)
	}
	e.edit("rigx.toml", 2, at(10, 20), at(10, 20), "e")
	if got := e.diagnostics("rigx.toml", 2); len(got) != 0 {
		t.Errorf("still there: %q", got)
	}
	// Half a line.
	e.edit("rigx.toml", 3, at(11, 0), at(11, 0), "cflags = [\"-O2")
	want = []string{"11:9-10 E0001 the array is not closed", "11:10-11 E0001 unterminated string"}
	if diff := cmp.Diff(want, e.diagnostics("rigx.toml", 3)); diff != "" {
		t.Error(diff)
	}
}

func TestClosedDocument(t *testing.T) {
	e := open(t, "rigx.toml", "[project]\nname = \"p\"\n")
	e.didOpen("rigx.toml", project)
	if got := e.diagnostics("rigx.toml", 1); len(got) == 0 {
		t.Error("the buffer has errors, but none are said")
	}
	params := &protocol.DidCloseTextDocumentParams{}
	params.TextDocument.URI = e.uri("rigx.toml")
	if err := e.server.DidClose(t.Context(), params); err != nil {
		t.Fatal(err)
	}
	e.until("the diagnostics to be cleared", func() bool { return len(e.published[e.uri("rigx.toml")].Diagnostics) == 0 })
}

func TestOtherFilesOfTheProject(t *testing.T) {
	root := "include = [\"more.toml\"]\n[project]\nname = \"p\"\n[targets.one]\nkind = \"custom\"\ninstall_script = \"true\"\n"
	e := open(t, "rigx.toml", root, "more.toml", "[targets.two]\nkind = \"custom\"\ninstall_script = \"cp ${one} ${oen} $out\"\n")
	e.didOpen("rigx.toml", root)
	e.until("diagnostics of more.toml", func() bool { return e.published[e.uri("more.toml")] != nil })
	if diff := cmp.Diff([]string{"2:30-33 E0206 `${oen}` refers to nothing; did you mean `one`?"}, lines(e.published[e.uri("more.toml")])); diff != "" {
		t.Error(diff)
	}
	// A change in the buffer of one is seen in the other, before it is saved.
	e.edit("rigx.toml", 2, at(3, 9), at(3, 12), "oen")
	e.until("new diagnostics of more.toml", func() bool {
		return cmp.Equal([]string{"2:23-26 E0206 `${one}` refers to nothing; did you mean `oen`?"}, lines(e.published[e.uri("more.toml")]))
	})
}

func TestEncodings(t *testing.T) {
	text := "# 🙂 ä\n[project]\nname = \"p\"\ndescription = \"🙂ä\" 🙂\n"
	for encoding, want := range map[protocol.PositionEncodingKind]string{"utf-8": "3:23-27", "utf-16": "3:20-22", "utf-32": "3:19-20"} {
		t.Run(string(encoding), func(t *testing.T) {
			e := openWith(t, func(p *protocol.InitializeParams) {
				p.Capabilities.General = &protocol.GeneralClientCapabilities{PositionEncodings: []protocol.PositionEncodingKind{encoding}}
			}, "rigx.toml", text)
			e.didOpen("rigx.toml", text)
			got := e.diagnostics("rigx.toml", 1)
			if len(got) != 1 || !strings.HasPrefix(got[0], want+" ") {
				t.Errorf("want %s, got %q", want, got)
			}
		})
	}
}

func TestHover(t *testing.T) {
	e := open(t, "rigx.toml", project)
	e.didOpen("rigx.toml", project)
	params := &protocol.HoverParams{}
	params.TextDocument.URI = e.uri("rigx.toml")
	params.Position = at(8, 2)
	got, err := e.server.Hover(t.Context(), params)
	if err != nil || got == nil {
		t.Fatal(got, err)
	}
	if text := got.Contents.(*protocol.MarkupContent).Value; !strings.Contains(text, "What the target is") {
		t.Error(text)
	}
	if want := (protocol.Range{Start: at(8, 0), End: at(8, 4)}); *got.Range != want {
		t.Error(*got.Range)
	}
	params.Position = at(6, 0)
	if got, err := e.server.Hover(t.Context(), params); got != nil || err != nil {
		t.Error("on an empty line:", got, err)
	}
	params.TextDocument.URI = "untitled:Untitled-1"
	if got, err := e.server.Hover(t.Context(), params); got != nil || err != nil {
		t.Error("in a document that is no file:", got, err)
	}
}

func (e *editor) lenses(name string) []protocol.CodeLens {
	e.t.Helper()
	params := &protocol.CodeLensParams{}
	params.TextDocument.URI = e.uri(name)
	got, err := e.server.CodeLens(e.t.Context(), params)
	if err != nil {
		e.t.Fatal(err)
	}
	return got
}

func TestLensesNeedTrust(t *testing.T) {
	e := openWith(t, func(p *protocol.InitializeParams) { p.InitializationOptions = protocol.LSPAny(`{"trusted": false}`) }, "rigx.toml", project)
	e.didOpen("rigx.toml", project)
	if got := e.lenses("rigx.toml"); len(got) != 0 {
		t.Error("lenses without trust:", got)
	}
	_, err := e.server.ExecuteCommand(t.Context(), &protocol.ExecuteCommandParams{Command: "rigx.build", Arguments: []protocol.LSPAny{[]byte(`{"project":"` + string(uri.File(e.dir)) + `"}`)}})
	if err == nil || !strings.Contains(err.Error(), "not trusted") {
		t.Error("a command without trust:", err)
	}
	if err := e.server.DidChangeConfiguration(t.Context(), &protocol.DidChangeConfigurationParams{Settings: []byte(`{"rigx": {"trusted": true}}`)}); err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, l := range e.lenses("rigx.toml") {
		titles = append(titles, fmt.Sprintf("%d %s", l.Range.Start.Line, l.Command.Title))
	}
	if diff := cmp.Diff([]string{"3 Build", "3 Watch", "7 Build", "7 Watch"}, titles); diff != "" {
		t.Error(diff)
	}
}

// TestOrder types a text character by character as fast as it can: after each
// hundred, a question must be answered about exactly that text.
func TestOrder(t *testing.T) {
	e := open(t, "rigx.toml", "")
	e.didOpen("rigx.toml", "[project]\nname = \"p\"\n[targets.a]\nkind = \"custom\"\ndescription = \"\"\n")
	const edits = 5000
	params := &protocol.HoverParams{}
	params.TextDocument.URI = e.uri("rigx.toml")
	params.Position = at(2, 9)
	for i := range edits {
		e.edit("rigx.toml", int32(i+2), at(4, 15+uint32(i)), at(4, 15+uint32(i)), string(rune('a'+i%26)))
		if i%100 != 99 {
			continue
		}
		got, err := e.server.Hover(t.Context(), params)
		if err != nil || got == nil {
			t.Fatal(i, got, err)
		}
		var want strings.Builder
		for j := range i + 1 {
			want.WriteByte(byte('a' + j%26))
		}
		if text := got.Contents.(*protocol.MarkupContent).Value; !strings.Contains(text, "\n"+want.String()+"\n") {
			t.Fatalf("after %d edits the server sees another text", i+1)
		}
	}
	e.diagnostics("rigx.toml", edits+1)
}

// TestRandomEdits compares what the server makes of edits with the text that a
// plain implementation gives.
func TestRandomEdits(t *testing.T) {
	edits := 100_000
	if testing.Short() {
		edits = 5_000
	}
	random := rand.New(rand.NewPCG(3, 4))
	e := open(t, "rigx.toml", "", "a.c", "")
	const start = "[project]\r\nname = \"🙂\"\n\n[targets.lib]\nkind = \"custom\"\ninstall_script = \"mkdir $out\"\n\n" +
		"[targets.ä]\nkind = \"executable\"\r\nsources = [\"a.c\"]\ndeps.internal = [\"lib\"]\n\n[targets.x]\nkind = \"script\"\nscript = \"echo 🙂\"\n"
	text := []rune(start)
	e.didOpen("rigx.toml", start)
	snippets := []string{"🙂", "ä", "\n", "\r\n", "[", "]", "\"", "a = 1\n", "[targets.x]\n", "'''", "", "#", "\"lib\"", "jq . a", "cflags = []\n", "$vars.x"}
	version := int32(1)
	for i := range edits {
		from := random.IntN(len(text) + 1)
		to := from + random.IntN(min(3, len(text)-from)+1)
		insert := snippets[random.IntN(len(snippets))]
		version++
		e.edit("rigx.toml", version, position(text, from), position(text, to), insert)
		// A position cannot lie between \r and \n.
		from, to = before(text, from), before(text, to)
		text = append(text[:from:from], append([]rune(insert), text[to:]...)...)
		if i%500 == 499 {
			fresh := open(t, "rigx.toml", "", "a.c", "")
			fresh.didOpen("rigx.toml", string(text))
			if diff := cmp.Diff(fresh.diagnostics("rigx.toml", 1), e.diagnostics("rigx.toml", version)); diff != "" {
				t.Fatalf("after %d edits, what is said and a fresh read of %q differ:\n%s", i+1, string(text), diff)
			}
			fresh.hangUp() // hundreds of servers watch more than a user may
		}
		if random.IntN(12) == 0 {
			text = []rune(start)
			version++
			e.change("rigx.toml", version, &protocol.TextDocumentContentChangeWholeDocument{Text: start})
			if random.IntN(8) == 0 {
				e.diagnostics("rigx.toml", version)
			}
		}
	}
}

func before(text []rune, i int) int {
	if i > 0 && i < len(text) && text[i-1] == '\r' && text[i] == '\n' {
		return i - 1
	}
	return i
}

func position(text []rune, i int) protocol.Position {
	var p protocol.Position
	for _, c := range text[:before(text, i)] {
		switch {
		case c == '\n':
			p.Line++
			p.Character = 0
		case c > 0xFFFF:
			p.Character += 2
		default:
			p.Character++
		}
	}
	return p
}

// TestNonsense sends what no client should: the server must go on.
func TestNonsense(t *testing.T) {
	e := open(t, "rigx.toml", project)
	ctx := t.Context()
	for _, method := range []string{"rigx/unknown", "$/unknown", "textDocument/didChange", "textDocument/didOpen", "$/cancelRequest", "workspace/didChangeConfiguration"} {
		for _, params := range []any{nil, jsonrpc2.RawMessage(`[]`), jsonrpc2.RawMessage(`{"textDocument": 5}`), jsonrpc2.RawMessage(`{"id": {}}`), jsonrpc2.RawMessage(`{"settings": []}`)} {
			if err := e.conn.Notify(ctx, method, params); err != nil {
				t.Fatal(method, err)
			}
			if _, err := e.conn.Call(ctx, method, params, nil); err == nil && strings.Contains(method, "unknown") {
				t.Error("no error for the request", method)
			}
		}
	}
	if _, err := e.server.Initialize(ctx, &protocol.InitializeParams{}); err == nil {
		t.Error("initialized twice")
	}
	e.change("other.toml", 2, &protocol.TextDocumentContentChangeWholeDocument{Text: "x"})
	e.didOpen("rigx.toml", project)
	if got := e.diagnostics("rigx.toml", 1); len(got) == 0 {
		t.Error("no diagnostics after nonsense")
	}
	for name, call := range map[string]func() error{
		"unknown command": func() error {
			_, err := e.server.ExecuteCommand(ctx, &protocol.ExecuteCommandParams{Command: "rm"})
			return err
		},
		"without argument": func() error {
			_, err := e.server.ExecuteCommand(ctx, &protocol.ExecuteCommandParams{Command: "rigx.build"})
			return err
		},
	} {
		if call() == nil {
			t.Error(name, "was accepted")
		}
	}
}

func TestShutdown(t *testing.T) {
	e := open(t)
	if err := e.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.server.Hover(t.Context(), &protocol.HoverParams{}); err == nil {
		t.Error("a request after shutdown was answered")
	}
	if err := e.server.Exit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-e.done; err != nil {
		t.Error("after shutdown and exit:", err)
	}
}

func TestLeavingWithoutShutdown(t *testing.T) {
	e := open(t)
	if err := e.server.Exit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-e.done; !errors.Is(err, lsp.ErrNoShutdown) {
		t.Error("want ErrNoShutdown, got", err)
	}
}

// program builds rigx once.
var program = func() func(testing.TB) string {
	var once sync.Once
	var path string
	var output []byte
	var err error
	return func(t testing.TB) string {
		once.Do(func() {
			dir, _ := os.MkdirTemp("", "rigx-lsp-test-")
			path = filepath.Join(dir, "rigx")
			cmd := exec.Command("go", "build", "-o", path, "../cmd/rigx")
			output, err = cmd.CombinedOutput()
		})
		if err != nil {
			t.Fatalf("building rigx: %v\n%s", err, output)
		}
		return path
	}
}()

func TestCommands(t *testing.T) {
	if _, err := exec.LookPath("nix"); err != nil {
		if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), "nix") {
			t.Fatal("Nix is missing")
		}
		t.Skip("Nix is missing")
	}
	text := "[project]\nname = \"p\"\n[nixpkgs]\nref = \"host\"\n" +
		"[targets.good]\nkind = \"custom\"\ninstall_script = \"echo made > $out\"\n" +
		"[targets.bad]\nkind = \"custom\"\ninstall_script = \"echo no good; false\"\n" +
		"[targets.long]\nkind = \"script\"\nscript = \"sleep 60\"\n"
	e := open(t, "rigx.toml", text)
	e.didOpen("rigx.toml", text)
	e.diagnostics("rigx.toml", 1)
	lenses := e.lenses("rigx.toml")
	run := func(ctx context.Context, l protocol.CodeLens) (string, error) {
		got, err := e.server.ExecuteCommand(ctx, &protocol.ExecuteCommandParams{Command: l.Command.Command, Arguments: l.Command.Arguments})
		return string(got), err
	}

	got, err := run(t.Context(), lenses[0])
	if err != nil || !strings.Contains(got, `"status":0`) {
		t.Fatal(got, err)
	}
	if made, err := os.ReadFile(filepath.Join(e.dir, "output", "good")); string(made) != "made\n" {
		t.Error(string(made), err)
	}
	e.until("progress", func() bool {
		return len(e.progress) >= 2 && strings.Contains(e.progress[0], "Building good") && strings.Contains(e.progress[len(e.progress)-1], `"end"`)
	})

	got, err = run(t.Context(), lenses[2])
	if err != nil || !strings.Contains(got, `"status":1`) || !strings.Contains(got, "no good") {
		t.Error(got, err)
	}
	e.until("a message", func() bool { return len(e.messages) == 1 && strings.Contains(e.messages[0], "Building bad failed") })

	// A click on the cross of the progress stops it.
	result := make(chan error)
	go func() { _, err := run(t.Context(), lenses[4]); result <- err }()
	e.until("the script to run", func() bool { return strings.Contains(strings.Join(e.progress, ""), "Running long") })
	if err := e.server.WorkDoneProgressCancel(t.Context(), &protocol.WorkDoneProgressCancelParams{Token: protocol.String("rigx-3")}); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err == nil {
		t.Error("a cancelled command succeeded")
	}
}
