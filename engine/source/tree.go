package source

import (
	"errors"
	"io/fs"
	"maps"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// DefaultIgnored are the base names that a whole-tree source leaves out, at
// any depth: what builds, tools and editors leave behind, and what rigx
// generates itself.
var DefaultIgnored = []string{
	".git", ".hg", ".svn", ".jj", ".rigx", ".direnv", "output", "result",
	"__pycache__", ".venv", "node_modules", ".DS_Store",
	".pytest_cache", ".mypy_cache", ".ruff_cache",
	"flake.nix", "flake.lock",
}

// neverWalked are directories that a pattern enters only by naming them.
var neverWalked = map[string]bool{".git": true, ".rigx": true}

// outputDir holds links into the store; at the root it is never walked.
const outputDir = "output"

// maxDepth bounds how deep a walk goes: links may form circles.
const maxDepth = 128

// Tree is the directory tree of a project, listed as needed and remembered. It
// is safe for concurrent use.
type Tree struct {
	fs   FS
	root string
	// remembered are the listings of earlier runs; it may be nil.
	remembered func() *Listings

	mu   sync.RWMutex
	dirs map[string]*listing
	// links is set once a symbolic link was seen in one of them.
	links atomic.Bool
}

// A listing is one directory: its entries sorted by name.
type listing struct {
	read    sync.Once
	entries []entry
	ok      bool
}

type entry struct {
	name string
	dir  bool
	link bool
}

func (l *listing) find(name string) (entry, bool) {
	i, ok := slices.BinarySearchFunc(l.entries, name, func(e entry, name string) int { return strings.Compare(e.name, name) })
	if !ok {
		return entry{}, false
	}
	return l.entries[i], true
}

// NewTree returns the tree below the absolute directory root.
func NewTree(fsys FS, root string) *Tree {
	return &Tree{fs: fsys, root: root, dirs: map[string]*listing{}}
}

// NewRememberingTree is NewTree of the disk, with what is remembered of its directories.
// That is asked for once it is needed.
func NewRememberingTree(root string, remembered func() *Listings) *Tree {
	t := NewTree(Disk(), root)
	t.remembered = remembered
	return t
}

// list reads a directory once, and those it lies in: one of them may be behind a
// link. rel is clean; "" is the root.
func (t *Tree) list(rel string) *listing {
	t.mu.RLock()
	l := t.dirs[rel]
	t.mu.RUnlock()
	if l == nil {
		t.mu.Lock()
		if l = t.dirs[rel]; l == nil {
			l = &listing{}
			t.dirs[rel] = l
		}
		t.mu.Unlock()
	}
	l.read.Do(func() {
		if rel != "" {
			t.list(parent(rel))
		}
		t.fill(l, rel)
	})
	return l
}

func (t *Tree) fill(l *listing, rel string) {
	abs := filepath.Join(t.root, filepath.FromSlash(rel))
	var entries []entry
	var err error
	if t.remembered != nil {
		entries, err = t.remembered().list(abs)
	} else {
		entries, err = list(t.fs, abs)
		sortEntries(entries)
	}
	if err != nil {
		return
	}
	for i := range entries {
		e := &entries[i]
		if !e.link {
			continue
		}
		t.links.Store(true)
		if info, err := t.fs.Stat(filepath.Join(abs, e.name)); err == nil {
			e.dir = info.IsDir()
		}
	}
	l.entries, l.ok = entries, true
}

// list reads a directory. Links are not followed.
func list(fsys FS, dir string) ([]entry, error) {
	if quick, ok := fsys.(interface {
		list(dir string) ([]entry, error)
	}); ok {
		return quick.list(dir)
	}
	found, err := fsys.ReadDir(dir)
	entries := make([]entry, len(found))
	for i, e := range found {
		entries[i] = entry{name: e.Name(), dir: e.IsDir(), link: e.Type()&fs.ModeSymlink != 0}
	}
	return entries, err
}

// HasLinks reports whether a symbolic link was seen so far: if one is on the way to
// a path that was looked up, it was.
func (t *Tree) HasLinks() bool { return t.links.Load() }

// IsLink reports whether a clean path is a symbolic link.
func (t *Tree) IsLink(rel string) bool {
	e, _ := t.look(rel)
	return e.link
}

// maxLinks bounds how many links lead to a path: they may form circles.
const maxLinks = 40

// Follow follows the symbolic links on the way to a clean path, the last one
// included. It returns them, without links on the way to themselves, and where they
// lead to; reached is false if that is outside the project or not there.
func (t *Tree) Follow(rel string) (links []string, to string, reached bool) {
	rest := strings.Split(rel, "/")
	for len(rest) > 0 {
		at := join(to, rest[0])
		rest = rest[1:]
		e, ok := t.look(at)
		if !ok {
			return links, "", false
		}
		if !e.link {
			to = at
			continue
		}
		links = append(links, at)
		target, err := t.fs.Readlink(filepath.Join(t.root, filepath.FromSlash(at)))
		if err != nil || filepath.IsAbs(target) || len(links) > maxLinks {
			return links, "", false
		}
		target = path.Join(to, filepath.ToSlash(target)) // to has no links
		if leaves(target) {
			return links, "", false
		}
		to = ""
		if target != "." {
			rest = append(strings.Split(target, "/"), rest...)
		}
	}
	return links, to, true
}

// Outside returns what a symbolic link leads to, as [Tree.Follow] names the link, if that
// is something that is not in the tree, or is named from the root of the file system. It
// is "" otherwise.
func (t *Tree) Outside(link string) string {
	target, err := t.fs.Readlink(filepath.Join(t.root, filepath.FromSlash(link)))
	if err != nil {
		return ""
	}
	to := target
	if !filepath.IsAbs(to) {
		rel := path.Join(path.Dir(link), filepath.ToSlash(target))
		if !leaves(rel) {
			return ""
		}
		to = filepath.Join(t.root, filepath.FromSlash(rel))
	}
	if _, err := t.fs.Stat(to); err != nil {
		return ""
	}
	return to
}

// Dirs lists the directories that were looked into so far, relative to the
// root; for those that are not there, the nearest that is. What the tree
// answered stays true until something changes in one of them.
func (t *Tree) Dirs() []string {
	t.mu.RLock()
	looked := slices.Collect(maps.Keys(t.dirs))
	t.mu.RUnlock()
	seen := make(map[string]bool, len(looked))
	for _, rel := range looked {
		for rel != "" && !t.list(rel).ok {
			rel = parent(rel)
		}
		seen[rel] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// look finds the entry of a clean relative path.
func (t *Tree) look(rel string) (entry, bool) {
	if rel == "." || rel == "" {
		return entry{dir: true}, true
	}
	return t.list(parent(rel)).find(path.Base(rel))
}

// Look finds a clean path, as [Clean] returns it.
func (t *Tree) Look(rel string) (isDir, exists bool) {
	e, ok := t.look(rel)
	return e.dir, ok
}

// Exists reports whether there is a file or directory at rel.
func (t *Tree) Exists(rel string) bool {
	rel, err := Clean(rel)
	if err != nil {
		return false
	}
	_, ok := t.look(rel)
	return ok
}

// IsDir reports whether there is a directory, or a link to one, at rel.
func (t *Tree) IsDir(rel string) bool {
	rel, err := Clean(rel)
	if err != nil {
		return false
	}
	e, ok := t.look(rel)
	return ok && e.dir
}

// List returns the names in a directory, sorted; none if it cannot be read.
func (t *Tree) List(rel string) []string {
	l := t.list(strings.TrimPrefix(path.Clean("/"+rel), "/"))
	names := make([]string, len(l.entries))
	for i, e := range l.entries {
		names[i] = e.name
	}
	return names
}

// Files lists all files below a directory, sorted, links to files included.
// Links to directories are listed as files themselves, which is how the store
// keeps them.
func (t *Tree) Files(under string) []string {
	under = strings.TrimPrefix(path.Clean("/"+under), "/")
	var out []string
	t.walk(under, 0, func(rel string, e entry) bool {
		if !e.dir || e.link {
			out = append(out, rel)
			return false
		}
		return !neverWalked[e.name]
	})
	slices.Sort(out)
	return out
}

// WholeTree lists the files of a whole-tree source: all but [DefaultIgnored].
func (t *Tree) WholeTree() []string {
	ignored := make(map[string]bool, len(DefaultIgnored))
	for _, name := range DefaultIgnored {
		ignored[name] = true
	}
	var out []string
	t.walk("", 0, func(rel string, e entry) bool {
		if ignored[e.name] {
			return false
		}
		if !e.dir || e.link {
			out = append(out, rel)
			return false
		}
		return true
	})
	slices.Sort(out)
	return out
}

// walk calls visit for everything below dir and enters directories for which
// it returns true.
func (t *Tree) walk(dir string, depth int, visit func(rel string, e entry) bool) {
	if depth > maxDepth {
		return
	}
	for _, e := range t.list(dir).entries {
		rel := join(dir, e.name)
		if visit(rel, e) && e.dir {
			t.walk(rel, depth+1, visit)
		}
	}
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// Glob returns the files that match the pattern, sorted. Hidden files match
// like others. Directories do not count as matches; .git is entered only where
// the pattern names it, and output/ and links to directories never by **. A
// malformed pattern gives a [*PatternError].
func (t *Tree) Glob(pattern string) ([]string, error) {
	return t.GlobWithin(pattern, math.MaxInt)
}

// ErrTooMany says that a pattern leads through too many directories.
var ErrTooMany = errors.New("too many directories to look into")

// GlobWithin is Glob, but fails with [ErrTooMany] rather than look into more
// directories than that: for patterns that may begin at the root of the disk.
func (t *Tree) GlobWithin(pattern string, directories int) ([]string, error) {
	if err := CheckPattern(pattern); err != nil {
		return nil, err
	}
	g := globber{tree: t, seen: map[globState]bool{}, left: directories}
	g.match("", components(pattern), 0)
	if g.left < 0 {
		return nil, ErrTooMany
	}
	slices.Sort(g.out)
	return slices.Compact(g.out), nil
}

// globState keeps a pattern with several ** from visiting a directory twice
// with the same rest.
type globState struct {
	dir  string
	rest int
}

type globber struct {
	tree *Tree
	out  []string
	seen map[globState]bool
	left int // directories that may still be looked into
}

func (g *globber) match(dir string, pattern []string, depth int) {
	state := globState{dir, len(pattern)}
	if len(pattern) == 0 || depth > maxDepth || g.left < 0 || g.seen[state] {
		return
	}
	g.seen[state] = true
	g.left--
	head, rest := pattern[0], pattern[1:]
	if head == "**" {
		g.anyDepth(dir, pattern, depth)
		return
	}
	if !HasMeta(head) {
		g.plain(dir, head, rest, depth)
		return
	}
	entries := g.tree.list(dir).entries
	if len(rest) == 0 {
		g.files(dir, head, entries)
		return
	}
	for _, e := range entries {
		if matchComponent(head, e.name) {
			g.found(dir, e, rest, depth)
		}
	}
}

// files finds the files of a directory that match the last component of a pattern. Their
// paths are parts of one text: there may be many.
func (g *globber) files(dir, pattern string, entries []entry) {
	g.out = slices.Grow(g.out, len(entries))
	from, size := len(g.out), 0
	for _, e := range entries {
		if !e.dir && matchComponent(pattern, e.name) {
			g.out = append(g.out, e.name)
			size += len(dir) + 1 + len(e.name)
		}
	}
	if dir == "" {
		return
	}
	var text strings.Builder
	text.Grow(size)
	for i, name := range g.out[from:] {
		begin := text.Len()
		text.WriteString(dir)
		text.WriteByte('/')
		text.WriteString(name)
		g.out[from+i] = text.String()[begin:]
	}
}

func (g *globber) plain(dir, name string, rest []string, depth int) {
	if e, ok := g.tree.list(dir).find(name); ok {
		g.found(dir, e, rest, depth)
	}
}

func (g *globber) found(dir string, e entry, rest []string, depth int) {
	rel := join(dir, e.name)
	switch {
	case len(rest) == 0 && !e.dir:
		g.out = append(g.out, rel)
	case e.dir:
		g.match(rel, rest, depth+1)
	}
}

// anyDepth matches ** : the rest here, and the whole pattern in each directory
// below. A trailing ** means every file below.
func (g *globber) anyDepth(dir string, pattern []string, depth int) {
	rest := pattern[1:]
	g.match(dir, rest, depth)
	for _, e := range g.tree.list(dir).entries {
		rel := join(dir, e.name)
		switch {
		case !e.dir:
			if len(rest) == 0 {
				g.out = append(g.out, rel)
			}
		case !e.link && !neverWalked[e.name] && rel != outputDir:
			g.match(rel, pattern, depth+1)
		}
	}
}
