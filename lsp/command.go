package lsp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"
)

// commandPrefix stands before the verb of rigx that a command runs.
const commandPrefix = "rigx."

// verbs are the commands of rigx that clients may run.
var verbs = map[string]verb{
	"build": {"Building", []string{"build"}},
	"test":  {"Testing", []string{"test"}},
	"run":   {"Running", []string{"run"}},
	"watch": {"Watching", []string{"watch"}},
	"start": {"Starting", []string{"capsule", "start"}},
	"stop":  {"Stopping", []string{"capsule", "stop"}},
}

// verb is what is said while a command runs, and its words on the command line.
type verb struct {
	doing string
	words []string
}

func commandNames() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(verbs)) {
		names = append(names, commandPrefix+name)
	}
	return names
}

// commandArgument is the one argument of each command.
type commandArgument struct {
	// Project is the root directory.
	Project uri.URI `json:"project"`
	// Target is a name as typed on the command line; all targets when empty.
	Target string `json:"target,omitempty"`
	// UpdateHashes makes a build write the hashes that turn out to be wrong.
	UpdateHashes bool `json:"updateHashes,omitempty"`
}

// rigxCommand is what a client sends back to run rigx.
func rigxCommand(verb, title string, arg commandArgument) (protocol.Command, error) {
	argument, err := protocol.Marshal(arg)
	return protocol.Command{Title: title, Command: commandPrefix + verb, Arguments: []protocol.LSPAny{argument}}, err
}

// commandResult is what a command answers.
type commandResult struct {
	// Status is the exit status of rigx.
	Status int `json:"status"`
	// Output are the last lines that it wrote.
	Output string `json:"output"`
}

// ExecuteCommand runs rigx, and shows how it goes as progress that can be
// cancelled. That a build failed is a result, and shown; an error means that
// it could not be started.
func (s *Server) ExecuteCommand(ctx context.Context, params *protocol.ExecuteCommandParams) (protocol.LSPAny, error) {
	name, ours := strings.CutPrefix(params.Command, commandPrefix)
	verb, known := verbs[name]
	if !ours || !known {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "unknown command %q", params.Command)
	}
	if !stateOf(ctx).settings.trusted() {
		return nil, jsonrpc2.NewError(jsonrpc2.InvalidRequest, "the workspace is not trusted, so nothing in it is run")
	}
	var arg commandArgument
	if len(params.Arguments) != 1 || json.Unmarshal(params.Arguments[0], &arg) != nil || pathOf(arg.Project) == "" {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, `%s wants one argument {"project": URI, "target": NAME}`, params.Command)
	}
	arg.UpdateHashes = arg.UpdateHashes && name == "build"
	program, err := s.program(stateOf(ctx).settings)
	if err != nil {
		return nil, jsonrpc2.NewError(jsonrpc2.InvalidRequest, err.Error())
	}
	s.warnUnsaved(ctx, pathOf(arg.Project))
	result, err := s.execute(ctx, program, verb, arg)
	if err != nil {
		return nil, err
	}
	return protocol.Marshal(result)
}

// program finds the rigx to run: the one that is set, the one beside this
// server, the one on PATH.
func (s *Server) program(set settings) (string, error) {
	for _, named := range []string{set.Program, s.opts.Program} {
		if named != "" {
			return named, nil
		}
	}
	name := "rigx"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		if beside := filepath.Join(filepath.Dir(self), name); isFile(beside) {
			return beside, nil
		}
	}
	found, err := exec.LookPath("rigx")
	if err != nil {
		return "", errors.New("rigx is neither beside rigx-ls nor on PATH; install it, or set `program`")
	}
	return found, nil
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// warnUnsaved says that rigx reads the disk, not the editor.
func (s *Server) warnUnsaved(ctx context.Context, root string) {
	for path, doc := range stateOf(ctx).docs {
		if rel, err := filepath.Rel(root, path); err != nil || strings.HasPrefix(rel, "..") {
			continue
		}
		if data, err := os.ReadFile(path); err == nil && string(data) != doc.text {
			s.show(protocol.MessageTypeWarning, filepath.Base(path)+" has changes that are not saved; rigx uses the saved file")
		}
	}
}

func (s *Server) show(kind protocol.MessageType, message string) {
	_ = s.client.ShowMessage(context.Background(), &protocol.ShowMessageParams{Type: kind, Message: message})
}

// killAfter is how long rigx may take to end when it is interrupted.
const killAfter = 10 * time.Second

func (s *Server) execute(ctx context.Context, program string, verb verb, arg commandArgument) (commandResult, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	title := verb.doing
	if arg.Target != "" {
		title += " " + arg.Target
	}
	progress := s.begin(ctx, title, cancel)

	args := append([]string{"-C", pathOf(arg.Project), "--color", "never"}, verb.words...)
	if set := stateOf(ctx).settings; set.Nixpkgs != "" {
		args = append(args, "--nixpkgs", set.Nixpkgs)
	}
	if arg.UpdateHashes {
		args = append(args, "--update-hashes")
	}
	if arg.Target != "" {
		args = append(args, arg.Target)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = killAfter
	interruptible(cmd)
	read, write := io.Pipe()
	cmd.Stdout, cmd.Stderr = write, write
	var tail lines
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		scanner := bufio.NewScanner(read)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			tail.add(scanner.Text())
			progress.report(scanner.Text())
		}
		_, _ = io.Copy(io.Discard, read) // a line too long to show
	}()
	err := cmd.Run()
	write.Close()
	<-copied

	result := commandResult{Output: tail.String()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		progress.end("cancelled")
		return result, protocol.ErrRequestCancelled
	case errors.As(err, &exit):
		result.Status = exit.ExitCode()
		progress.end("failed")
		s.show(protocol.MessageTypeError, fmt.Sprintf("%s failed\n%s", title, result.Output))
	case err != nil:
		progress.end("failed")
		return result, jsonrpc2.Errorf(jsonrpc2.InternalError, "starting %s: %v", program, err)
	default:
		progress.end("done")
	}
	return result, nil
}

// stopCommands interrupts all that run.
func (s *Server) stopCommands() {
	s.running.Lock()
	defer s.running.Unlock()
	for _, cancel := range s.cancelled {
		cancel()
	}
}

// lines keeps the last lines of an output.
type lines struct{ last []string }

const keptLines = 40

func (l *lines) add(line string) {
	if len(l.last) == keptLines {
		l.last = append(l.last[:0], l.last[1:]...)
	}
	l.last = append(l.last, line)
}

func (l *lines) String() string { return strings.Join(l.last, "\n") }
