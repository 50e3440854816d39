package source

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Revision is the tree of a commit as a file system, at the place of the work
// tree. It knows what is tracked and nothing else; links are not followed.
type Revision struct {
	// Top is the absolute directory of the work tree.
	Top    string
	ctx    context.Context
	git    string
	commit string
	// blobs are the files and dirs the directories, by path relative to Top, ""
	// for Top itself.
	blobs map[string]blob
	dirs  map[string][]fs.DirEntry
}

type blob struct {
	id   string
	mode fs.FileMode
}

// OpenRevision finds the work tree that dir lies in and reads the list of what a
// revision has. The context holds for later reads too.
func OpenRevision(ctx context.Context, dir, revision string) (*Revision, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, ErrNoGit
	}
	r := &Revision{ctx: ctx, git: git, Top: dir, blobs: map[string]blob{}, dirs: map[string][]fs.DirEntry{}}
	up, err := r.run("rev-parse", "--show-cdup")
	if err != nil {
		return nil, err
	}
	commit, err := r.run("rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return nil, fmt.Errorf("git knows no commit %q", revision)
	}
	r.Top, r.commit = filepath.Join(dir, strings.TrimSpace(up)), strings.TrimSpace(commit)
	list, err := r.run("ls-tree", "-r", "-z", "--full-tree", r.commit)
	if err != nil {
		return nil, err
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(list, "\x00"), "\x00") {
		about, name, ok := strings.Cut(line, "\t")
		fields := strings.Fields(about)
		if !ok || len(fields) != 3 || fields[1] != "blob" {
			continue // a submodule is a commit
		}
		b := blob{fields[2], 0o644}
		switch fields[0] {
		case "100755":
			b.mode = 0o755
		case "120000":
			b.mode = fs.ModeSymlink | 0o777
		}
		r.add(name, b)
	}
	return r, nil
}

func (r *Revision) add(name string, b blob) {
	r.blobs[name] = b
	entry := fs.FileInfoToDirEntry(treeInfo{path.Base(name), b.mode})
	for dir := parent(name); ; dir = parent(dir) {
		_, known := r.dirs[dir]
		r.dirs[dir] = append(r.dirs[dir], entry)
		if known || dir == "" {
			return
		}
		entry = fs.FileInfoToDirEntry(treeInfo{path.Base(dir), fs.ModeDir | 0o755})
	}
}

// parent is the directory of a path, "" for those at the top.
func parent(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return ""
}

// ofRepository are the variables that tell git of another repository than that of the
// directory it runs in: its hooks have them. `git rev-parse --local-env-vars` lists
// them; what it says of settings holds for any repository.
var ofRepository = map[string]bool{
	"GIT_DIR": true, "GIT_WORK_TREE": true, "GIT_IMPLICIT_WORK_TREE": true, "GIT_INDEX_FILE": true, "GIT_PREFIX": true,
	"GIT_COMMON_DIR": true, "GIT_OBJECT_DIRECTORY": true, "GIT_ALTERNATE_OBJECT_DIRECTORIES": true, "GIT_SHALLOW_FILE": true,
	"GIT_GRAFT_FILE": true, "GIT_NO_REPLACE_OBJECTS": true, "GIT_REPLACE_REF_BASE": true, "GIT_INTERNAL_SUPER_PREFIX": true,
}

// gitCommand is git at work on the repository that a directory lies in.
func gitCommand(ctx context.Context, git, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, git, append([]string{"-C", dir}, args...)...)
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); !ofRepository[name] {
			cmd.Env = append(cmd.Env, v)
		}
	}
	return cmd
}

func (r *Revision) run(args ...string) (string, error) {
	cmd := gitCommand(r.ctx, r.git, r.Top, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errOut.String()))
	}
	return out.String(), nil
}

// Changed lists the paths, relative to Top with forward slashes, whose content
// in the work tree is not that of the revision: changed, new or gone. What git
// ignores is not among them.
func (r *Revision) Changed() ([]string, error) {
	tracked, err := r.run("-c", "diff.relative=false", "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", r.commit)
	if err != nil {
		return nil, err
	}
	others, err := r.run("ls-files", "-z", "--others", "--exclude-standard", "--full-name")
	if err != nil {
		return nil, err
	}
	var out []string
	for name := range strings.SplitSeq(tracked+others, "\x00") {
		if name != "" {
			out = append(out, strings.TrimSuffix(name, "/"))
		}
	}
	return out, nil
}

// rel is a name as git has it.
func (r *Revision) rel(name string) (string, bool) {
	rel, err := filepath.Rel(r.Top, name)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	if rel == "." {
		return "", true
	}
	return filepath.ToSlash(rel), true
}

// ReadFile implements [FS].
func (r *Revision) ReadFile(name string) (string, error) {
	rel, ok := r.rel(name)
	b, known := r.blobs[rel]
	if !ok || !known {
		return "", &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return r.run("cat-file", "blob", b.id)
}

// Stat implements [FS].
func (r *Revision) Stat(name string) (fs.FileInfo, error) {
	rel, ok := r.rel(name)
	if b, known := r.blobs[rel]; ok && known {
		return treeInfo{path.Base(rel), b.mode.Perm()}, nil
	}
	if _, known := r.dirs[rel]; ok && known {
		return treeInfo{path.Base(rel), fs.ModeDir | 0o755}, nil
	}
	return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

// ReadDir implements [FS].
func (r *Revision) ReadDir(name string) ([]fs.DirEntry, error) {
	rel, ok := r.rel(name)
	entries, known := r.dirs[rel]
	if !ok || !known {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return entries, nil
}

// Readlink implements [FS]. To git, what a link holds is its content.
func (r *Revision) Readlink(name string) (string, error) { return r.ReadFile(name) }

// treeInfo describes what is in a tree of git, which knows no times.
type treeInfo struct {
	name string
	mode fs.FileMode
}

func (t treeInfo) Name() string       { return t.name }
func (t treeInfo) Size() int64        { return 0 }
func (t treeInfo) Mode() fs.FileMode  { return t.mode }
func (t treeInfo) ModTime() time.Time { return time.Time{} }
func (t treeInfo) IsDir() bool        { return t.mode.IsDir() }
func (t treeInfo) Sys() any           { return nil }
