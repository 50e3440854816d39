package lsp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rigx-build/rigx/analysis"
)

// packageStore knows the packages of the nixpkgs that projects use. It learns
// them from `rigx search`, in the background, in workspaces that are trusted.
type packageStore struct {
	mu     sync.Mutex
	byRoot map[string]packageSet
	// described are packages by root, line feed, name.
	described map[string]string
}

type packageSet struct {
	key   string // of the nixpkgs that the names are from
	names *analysis.Packages
}

func newPackageStore() *packageStore {
	return &packageStore{byRoot: map[string]packageSet{}, described: map[string]string{}}
}

// of returns the packages of a project, nil if they are not known.
func (p *packageStore) of(root string) *analysis.Packages {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byRoot[root].names
}

// The limits of a search.
const (
	listTimeout     = time.Minute
	describeTimeout = 10 * time.Second
	longestList     = 32 << 20 // bytes
)

// learnPackages looks the packages of a project up, unless its nixpkgs is the
// one that they are known of.
func (s *Server) learnPackages(ctx context.Context, project *analysis.Snapshot) {
	set := s.current.Load().settings
	if !set.explicitlyTrusted() {
		return
	}
	root, ref := project.Manifest.Dir, project.Manifest.Nixpkgs.Value
	if set.Nixpkgs != "" {
		ref = set.Nixpkgs
	}
	key := ref
	if info, err := os.Stat(filepath.Join(root, "flake.lock")); err == nil {
		key += fmt.Sprint(" ", info.ModTime().UnixNano(), " ", info.Size())
	} else if ref != hostRef {
		return // nothing is locked
	}
	s.packages.mu.Lock()
	known := s.packages.byRoot[root].key == key
	if !known {
		// Whether it goes well or not, it is tried once.
		s.packages.byRoot[root] = packageSet{key: key, names: s.packages.byRoot[root].names}
	}
	s.packages.mu.Unlock()
	if known {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	found, err := s.search(ctx, set, root)
	if err != nil {
		s.logError("the packages of nixpkgs are not known: " + err.Error())
		return
	}
	names := make([]string, len(found))
	for i, p := range found {
		names[i] = p.Name
	}
	s.packages.mu.Lock()
	s.packages.byRoot[root] = packageSet{key, analysis.NewPackages(names, ref == hostRef)}
	clear(s.packages.described)
	s.packages.mu.Unlock()
	s.update(func(st *state) { st.disk++ })
	s.refreshDiagnostics()
}

// hostRef is the nixpkgs.ref that means the programs of this machine.
const hostRef = "host"

// foundPackage is a row of `rigx search --json`.
type foundPackage struct{ Name, Version, Description, Homepage string }

func (s *Server) search(ctx context.Context, set settings, root string, args ...string) ([]foundPackage, error) {
	program, err := s.program(set)
	if err != nil {
		return nil, err
	}
	command := []string{"-C", root, "--color", "never", "search", "--json"}
	if set.Nixpkgs != "" {
		command = append(command, "--nixpkgs", set.Nixpkgs)
	}
	cmd := exec.CommandContext(ctx, program, append(command, args...)...)
	cmd.WaitDelay = time.Second
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &limited{&out, longestList}, &limited{&errOut, 4096}
	if err := cmd.Run(); err != nil {
		if text := strings.TrimSpace(errOut.String()); text != "" {
			err = errors.New(text)
		}
		return nil, err
	}
	var found []foundPackage
	return found, json.Unmarshal(out.Bytes(), &found)
}

// limited keeps the first bytes that are written to it.
type limited struct {
	*bytes.Buffer
	room int
}

func (l *limited) Write(p []byte) (int, error) {
	n, _ := l.Buffer.Write(p[:min(len(p), l.room)])
	l.room -= n
	return len(p), nil
}

// describePackage says in Markdown what a package says of itself, "" if that
// cannot be told.
func (s *Server) describePackage(ctx context.Context, root, name string) string {
	set := stateOf(ctx).settings
	if name == "" || !set.explicitlyTrusted() || s.packages.of(root) == nil {
		return ""
	}
	key := root + "\n" + name
	s.packages.mu.Lock()
	text, known := s.packages.described[key]
	s.packages.mu.Unlock()
	if known {
		return text
	}
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	found, err := s.search(ctx, set, root, "--exact", "--", name)
	if err != nil || len(found) != 1 {
		return ""
	}
	p := found[0]
	text = fmt.Sprintf("**%s** %s\n\n%s\n", p.Name, p.Version, p.Description)
	if strings.HasPrefix(p.Homepage, "https://") || strings.HasPrefix(p.Homepage, "http://") {
		text += "\n<" + p.Homepage + ">\n"
	}
	s.packages.mu.Lock()
	s.packages.described[key] = text
	s.packages.mu.Unlock()
	return text
}
