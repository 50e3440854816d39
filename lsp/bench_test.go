package lsp_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"
)

// BenchmarkServer drives rigx-ls as an editor does, through its standard
// streams, and in the same run the servers that RIGX_BENCH_SERVERS names, such
// as "taplo=taplo lsp stdio;tombi=tombi lsp".
//
// A line is typed into a target in the middle of the file, character by
// character, and taken out again; what is timed is each keystroke until its
// diagnostics are there, and completion and hover behind it.
func BenchmarkServer(b *testing.B) {
	program := filepath.Join(b.TempDir(), "rigx-ls")
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/rigx-ls").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	servers := []string{"rigx-ls=" + program}
	if peers := os.Getenv("RIGX_BENCH_SERVERS"); peers != "" {
		servers = append(servers, strings.Split(peers, ";")...)
	}
	for _, targets := range []int{1000, 10_000} {
		dir := b.TempDir()
		text := manyTargets(b, dir, targets)
		for _, server := range servers {
			name, command, _ := strings.Cut(server, "=")
			b.Run(fmt.Sprintf("%s/%d", name, targets), func(b *testing.B) {
				benchmarkServer(b, strings.Fields(command), dir, text, name == "rigx-ls")
			})
		}
	}
}

// manyTargets writes a project of C programs, ten lines each.
func manyTargets(b *testing.B, dir string, n int) string {
	var text strings.Builder
	text.WriteString("[project]\nname = \"many\"\nversion = \"0.1.0\"\n")
	for i := range n {
		fmt.Fprintf(&text, "\n[targets.part-%d]\nkind = \"executable\"\nlanguage = \"c\"\nsources = [\"src/main.c\"]\nincludes = [\"include\"]\n"+
			"cflags = [\"-O2\", \"-Wall\"]\ndefines = { VERSION = \"1.%d\" }\ndeps.internal = [\"part-%d\"]\ndeps.nixpkgs = [\"zlib\"]\n", i, i, i+1)
	}
	text.WriteString("\n[targets.part-" + fmt.Sprint(n) + "]\nkind = \"custom\"\ninstall_script = \"mkdir $out\"\n")
	for name, content := range map[string]string{"src/main.c": "int main(void) { return 0; }\n", "include/all.h": "", "rigx.toml": text.String()} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return text.String()
}

func benchmarkServer(b *testing.B, command []string, dir, text string, ours bool) {
	begun := time.Now()
	c := startServer(b, command, dir)
	file := uri.File(filepath.Join(dir, "rigx.toml"))
	ctx := b.Context()
	err := c.server.DidOpen(ctx, &protocol.DidOpenTextDocumentParams{TextDocument: protocol.TextDocumentItem{URI: file, LanguageID: "toml", Version: 1, Text: text}})
	if err != nil {
		b.Fatal(err)
	}
	c.await(b)
	started := time.Since(begun)

	const line = "ldflags = [\"-lm\"]\n"
	at := protocol.Position{Line: uint32(strings.Count(text[:len(text)/2], "\n"))}
	for lineAt(text, int(at.Line)) != "language = \"c\"" {
		at.Line++
	}
	version := int32(1)
	lineStart := len(strings.Join(strings.SplitAfter(text, "\n")[:at.Line], ""))
	// edit types one more character of the line, or removes it if n is 0.
	edit := func(n int) time.Duration {
		version++
		from := protocol.Position{Line: at.Line, Character: uint32(max(n-1, 0))}
		change := &protocol.TextDocumentContentChangePartial{Range: protocol.Range{Start: from, End: from}, Text: line[max(n-1, 0):n]}
		if n == 0 {
			change.Range.End = protocol.Position{Line: at.Line + 1}
		}
		changes := []protocol.TextDocumentContentChangeEvent{change}
		if !c.incremental {
			whole := text[:lineStart] + line[:n] + text[lineStart:]
			changes[0] = &protocol.TextDocumentContentChangeWholeDocument{Text: whole}
		}
		params := &protocol.DidChangeTextDocumentParams{ContentChanges: changes}
		params.TextDocument.URI, params.TextDocument.Version = file, version
		sent := time.Now()
		if err := c.server.DidChange(ctx, params); err != nil {
			b.Fatal(err)
		}
		return c.await(b).Sub(sent)
	}
	var typed, completed []time.Duration
	for b.Loop() {
		for i := range len(line) {
			typed = append(typed, edit(i+1))
			if !ours {
				continue
			}
			p := protocol.Position{Line: at.Line, Character: uint32(i + 1)}
			sent := time.Now()
			params := &protocol.CompletionParams{TextDocumentPositionParams: protocol.TextDocumentPositionParams{TextDocument: protocol.TextDocumentIdentifier{URI: file}, Position: p}}
			if _, err := c.server.Completion(ctx, params); err != nil {
				b.Fatal(err)
			}
			completed = append(completed, time.Since(sent))
		}
		typed = append(typed, edit(0))
	}
	b.ReportMetric(ms(started), "start-ms")
	report(b, "type", typed)
	report(b, "complete", completed)
	if ours {
		report(b, "hover", c.hover(b, file, strings.Count(text, "\n")))
	}
	b.ReportMetric(c.memory("VmHWM:"), "peak-MB")
	time.Sleep(3 * time.Second)
	b.ReportMetric(c.memory("VmRSS:"), "rest-MB")
	b.ReportMetric(0, "ns/op")
}

func lineAt(text string, n int) string {
	for range n {
		_, text, _ = strings.Cut(text, "\n")
	}
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func report(b *testing.B, what string, times []time.Duration) {
	if len(times) == 0 {
		return
	}
	slices.Sort(times)
	at := func(p float64) float64 { return ms(times[int(math.Ceil(p*float64(len(times))))-1]) }
	b.ReportMetric(at(0.5), what+"-p50-ms")
	b.ReportMetric(at(0.99), what+"-p99-ms")
}

// A serverProcess is a language server at the other end of pipes.
type serverProcess struct {
	protocol.UnimplementedClient
	process *exec.Cmd
	server  protocol.Server
	told    chan bool // with the version or without
	// incremental servers take edits, others the whole text.
	incremental bool
}

func startServer(b *testing.B, command []string, dir string) *serverProcess {
	c := &serverProcess{process: exec.Command(command[0], command[1:]...), told: make(chan bool, 1000)}
	in, err := c.process.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := c.process.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.process.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = c.process.Process.Kill()
		_ = c.process.Wait()
	})
	_, _, c.server = protocol.NewClient(b.Context(), c, jsonrpc2.NewStream(pipes{out, in}))
	result, err := c.server.Initialize(b.Context(), &protocol.InitializeParams{WorkspaceFoldersInitializeParams: protocol.WorkspaceFoldersInitializeParams{
		WorkspaceFolders: protocol.NewNullable([]protocol.WorkspaceFolder{{URI: uri.File(dir), Name: "many"}}),
	}})
	if err != nil {
		b.Fatal(err)
	}
	switch sync := result.Capabilities.TextDocumentSync.(type) {
	case protocol.TextDocumentSyncKind:
		c.incremental = sync == protocol.TextDocumentSyncKindIncremental
	case *protocol.TextDocumentSyncOptions:
		c.incremental = sync.Change != nil && *sync.Change == protocol.TextDocumentSyncKindIncremental
	}
	if err := c.server.Initialized(b.Context(), &protocol.InitializedParams{}); err != nil {
		b.Fatal(err)
	}
	return c
}

type pipes struct {
	io.Reader
	io.WriteCloser
}

// PublishDiagnostics wakes who waits for them.
func (c *serverProcess) PublishDiagnostics(_ context.Context, params *protocol.PublishDiagnosticsParams) error {
	_, versioned := params.Version.Get()
	c.told <- versioned
	return nil
}

// await returns when the diagnostics came. A server that does not say which
// version they are for may send more than once; the last time counts.
func (c *serverProcess) await(b *testing.B) time.Time {
	var came time.Time
	for wait := 20 * time.Second; ; wait = 100 * time.Millisecond {
		select {
		case versioned := <-c.told:
			came = time.Now()
			if versioned {
				return came
			}
		case <-time.After(wait):
			if came.IsZero() {
				b.Fatal("no diagnostics")
			}
			return came
		}
	}
}

// hover points at places all over the file, once nobody types.
func (c *serverProcess) hover(b *testing.B, file uri.URI, lines int) []time.Duration {
	time.Sleep(time.Second)
	var times []time.Duration
	for i := range 200 {
		params := &protocol.HoverParams{}
		params.TextDocument.URI = file
		params.Position = protocol.Position{Line: uint32(i * lines / 200), Character: 3}
		sent := time.Now()
		if _, err := c.server.Hover(b.Context(), params); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(sent))
	}
	return times
}

// memory is what the system says of the server's memory, in megabytes.
func (c *serverProcess) memory(what string) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.process.Process.Pid))
	if err != nil {
		return 0
	}
	var kb float64
	if _, rest, ok := strings.Cut(string(status), what); ok {
		_, _ = fmt.Sscan(rest, &kb)
	}
	return kb * 1024 / 1e6
}
