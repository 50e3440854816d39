package engine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/nix"
)

// Difference is a file that two builds of one target do not agree on.
type Difference struct {
	// Path below the output; "." is the output itself.
	Path string
	// What differs, in a few words.
	What string
}

// Verify builds a target, builds it once more, and lists what differs.
func (w *Workspace) Verify(ctx context.Context, name string, opts BuildOptions) ([]Difference, error) {
	if w.opts.Nix.Store != "" {
		return nil, failure(diagnostic.NotBuildable, "what is compared must be in the store of this machine, not in %s", nix.Redacted(w.opts.Nix.Store))
	}
	selected, err := w.Select([]string{name})
	if err != nil {
		return nil, err
	}
	s, err := w.prepare(ctx, selected)
	if err != nil {
		return nil, err
	}
	results, err := s.build(ctx, selected, opts)
	if err != nil {
		return nil, err
	}
	var all []Difference
	for _, r := range results {
		if r.Err != nil {
			return nil, &Error{Code: diagnostic.NixFailed, Message: "`" + r.Attr + "` cannot be built", Err: r.Err}
		}
		second, err := s.nix.Check(ctx, r.drvPath)
		if err != nil {
			return nil, &Error{Code: diagnostic.NixFailed, Message: "`" + r.Attr + "` cannot be built a second time", Err: err}
		}
		if second == "" {
			continue
		}
		found, err := compareTrees(r.Output, second)
		if err != nil {
			return nil, err
		}
		for i := range found {
			if len(results) > 1 {
				found[i].Path = r.Attr + ": " + found[i].Path
			}
		}
		all = append(all, found...)
	}
	return all, nil
}

// compareTrees lists the differences of two files or directories.
func compareTrees(a, b string) ([]Difference, error) {
	names := map[string]bool{}
	for _, root := range []string{a, b} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			names[rel] = true
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	var out []Difference
	for name := range names {
		what, err := compare(filepath.Join(a, name), filepath.Join(b, name))
		if err != nil {
			return nil, err
		}
		if what != "" {
			out = append(out, Difference{filepath.ToSlash(name), what})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Path < out[j].Path })
	return out, nil
}

// lstat returns nil for what is not there.
func lstat(path string) fs.FileInfo {
	info, err := os.Lstat(path)
	if err != nil {
		return nil
	}
	return info
}

// compare says how two paths differ, "" if they do not.
func compare(a, b string) (string, error) {
	x, y := lstat(a), lstat(b)
	switch {
	case x == nil && y == nil:
		return "it vanished", nil
	case x == nil:
		return "only the second build has it", nil
	case y == nil:
		return "only the first build has it", nil
	case x.Mode().Type() != y.Mode().Type():
		return fmt.Sprintf("%v and %v", x.Mode(), y.Mode()), nil
	case x.Mode()&0o111 != y.Mode()&0o111 && x.Mode().IsRegular():
		return "only one may be executed", nil
	case x.Mode()&fs.ModeSymlink != 0:
		one, _ := os.Readlink(a)
		two, _ := os.Readlink(b)
		if one != two {
			return "leads to " + one + " and to " + two, nil
		}
	case x.Mode().IsRegular():
		return compareFiles(a, b, x.Size(), y.Size())
	}
	return "", nil
}

func compareFiles(a, b string, sizeA, sizeB int64) (string, error) {
	f, err := os.Open(a)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	g, err := os.Open(b)
	if err != nil {
		return "", err
	}
	defer func() { _ = g.Close() }()
	x, y := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := int64(0); ; {
		n, errA := io.ReadFull(f, x)
		m, errB := io.ReadFull(g, y)
		if short := min(n, m); !bytes.Equal(x[:short], y[:short]) || n != m {
			for i := range short {
				if x[i] != y[i] {
					at += int64(i)
					break
				}
			}
			if sizeA != sizeB {
				return fmt.Sprintf("%d and %d bytes, first difference at byte %d", sizeA, sizeB, at), nil
			}
			return fmt.Sprintf("first difference at byte %d of %d", at, sizeA), nil
		}
		at += int64(n)
		if errA != nil || errB != nil {
			return "", nil
		}
	}
}

// Log returns what the builder of a target printed when it last ran, whether
// that went well or not.
func (w *Workspace) Log(ctx context.Context, name string) (string, error) {
	selected, err := w.Select([]string{name})
	if err != nil {
		return "", err
	}
	n, err := nix.Find(ctx, w.opts.Nix)
	if err != nil {
		return "", err
	}
	drv := w.lastDerivation(selected[0])
	if drv == "" {
		s, err := w.prepare(ctx, selected)
		if err != nil {
			return "", err
		}
		drvs, err := s.nix.Evaluate(ctx, w.evalRequest(s.in, selected[0].Attr))
		if err != nil {
			return "", err
		}
		drv = drvs[0].DrvPath
	}
	text, err := n.Log(ctx, drv)
	if err != nil {
		return "", &Error{
			Code: diagnostic.NixFailed, Message: "there is no log of `" + selected[0].Attr + "`: it was not built here, or its log was collected",
			Help: []string{"`rigx verify " + name + "` builds it, and once more"}, Err: err,
		}
	}
	return text, nil
}
