package engine

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/rigx-build/rigx/engine/discover"
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/format"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// Initialized is what [Init] did.
type Initialized struct {
	// File is the rigx.toml that was written.
	File string
	// Targets are those it has, with the reason for each.
	Targets []discover.Target
	// Notes say what else was found, and what to do about it.
	Notes []string
}

// Init writes a rigx.toml for what package discover finds in a directory. It
// does not touch anything else, and refuses if there is a rigx.toml. Files that
// git ignores are not looked at. A nixpkgs other than "" is what [nixpkgs].ref
// becomes.
func Init(ctx context.Context, dir, nixpkgs string) (*Initialized, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(abs, manifest.FileName)
	if _, err := os.Lstat(file); err == nil {
		return nil, &Error{Code: diagnostic.Redefined, Message: file + " is there already", Help: []string{"`rigx new` adds a target to it"}}
	}
	tree := source.NewTree(source.Disk(), abs)
	files, err := tree.Baseline(ctx, source.Selection{Include: []string{"**"}, RespectGitignore: true})
	if err != nil && !errors.Is(err, source.ErrNoGit) {
		return nil, err
	}
	name := NewTarget{Name: filepath.Base(abs)}.stem()
	found := discover.Project(tree, textOf(abs), files, name)
	if nixpkgs == "" {
		nixpkgs = defaultNixpkgs
	}
	var text strings.Builder
	text.WriteString("[project]\nname    = " + syntax.Quote(name) + "\nversion = \"0.1.0\"\n\n[nixpkgs]\nref = " + syntax.Quote(nixpkgs) + "\n")
	for _, t := range found.Targets {
		text.WriteString("\n" + blockOf(t).String())
	}
	if len(found.Targets) == 0 {
		text.WriteString("\n# `rigx new executable hello` adds a first target.\n")
	}
	canonical := format.Tree(syntax.Parse(text.String()))
	if err := writeAtomic(file, canonical); err != nil {
		return nil, unwritable(file, err)
	}
	return &Initialized{file, found.Targets, found.Notes}, nil
}

// defaultNixpkgs is what new projects pin.
const defaultNixpkgs = "nixos-24.11"

// textOf reads the beginnings of files below a directory.
func textOf(dir string) func(string) string {
	const most = 1 << 20 // bytes
	return func(rel string) string {
		path := filepath.Join(dir, filepath.FromSlash(rel))
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return "" // opening a pipe would wait
		}
		f, err := os.Open(path)
		if err != nil {
			return ""
		}
		defer func() { _ = f.Close() }()
		text, err := io.ReadAll(io.LimitReader(f, most))
		if err != nil {
			return ""
		}
		return string(text)
	}
}

// blockOf is a target as it stands in rigx.toml.
func blockOf(t discover.Target) *tomlBlock {
	b := newBlock(NewTarget{Kind: t.Kind, Name: t.Name})
	for _, f := range t.Fields {
		switch v := f.Value.(type) {
		case bool:
			b.set(f.Field.Name, map[bool]string{true: "true", false: "false"}[v])
		case []string:
			quoted := make([]string, len(v))
			for i, s := range v {
				quoted[i] = syntax.Quote(s)
			}
			b.set(f.Field.Name, "["+strings.Join(quoted, ", ")+"]")
		case string:
			if f.Field.Content == schema.Script {
				b.script(f.Field.Name, strings.TrimSuffix(v, "\n"))
			} else {
				b.set(f.Field.Name, syntax.Quote(v))
			}
		}
	}
	return b
}
