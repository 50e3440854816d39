package lsp

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"github.com/rigx-build/rigx/analysis"
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// state is everything a request looks at. It is not changed once it is
// current; projects are loaded when they are first asked for.
type state struct {
	settings settings
	docs     map[string]*document // by path
	folders  []string             // of the workspace
	disk     int                  // counts what was heard of changes on disk

	short shortcut // to what was known before

	files    *fileCache
	packages *packageStore
	mu       sync.Mutex
	projects map[string]func() *analysis.Snapshot // by root directory
}

func newState(files *fileCache, packages *packageStore) *state {
	return &state{docs: map[string]*document{}, files: files, packages: packages, projects: map[string]func() *analysis.Snapshot{}}
}

func (st *state) put(doc *document) { st.docs[doc.path] = doc }

type stateKey struct{}

func withState(ctx context.Context, st *state) context.Context {
	return context.WithValue(ctx, stateKey{}, st)
}

// stateOf is the state that a request found.
func stateOf(ctx context.Context) *state { return ctx.Value(stateKey{}).(*state) }

// parsed gives the open document, or else the file on disk.
func (st *state) parsed(path string) *syntax.File {
	if doc := st.docs[path]; doc != nil {
		return doc.file()
	}
	return st.files.read(path)
}

// project loads the project that a file belongs to. It is nil if there is none
// or the file is not part of it.
func (st *state) project(path string) (*analysis.Snapshot, *syntax.File) {
	root, _ := manifest.FindRoot(source.Disk(), filepath.Dir(path), st.parsed)
	if root != "" {
		if s := st.load(root); s.File(path) != nil {
			return s, s.File(path)
		}
	}
	// It may be included from elsewhere: from a project that is open.
	for other := range st.docs {
		if root2, _ := manifest.FindRoot(source.Disk(), filepath.Dir(other), st.parsed); root2 != "" && root2 != root {
			if s := st.load(root2); s.File(path) != nil {
				return s, s.File(path)
			}
		}
	}
	if filepath.Base(path) == manifest.FileName {
		// It may have to become one of the project above it, or a project.
		if s := st.load(filepath.Dir(path)); s.File(path) != nil {
			return s, s.File(path)
		}
	}
	return nil, nil
}

// workspaceProjects are those of the folders that the client opened and of all
// open documents.
func (st *state) workspaceProjects() []*analysis.Snapshot {
	projects := st.openProjects()
	for _, dir := range st.folders {
		root, _ := manifest.FindRoot(source.Disk(), dir, st.parsed)
		if root == "" {
			continue
		}
		if project := st.load(root); !slices.Contains(projects, project) {
			projects = append(projects, project)
		}
	}
	return projects
}

// openProjects are the projects of all open documents, by directory.
func (st *state) openProjects() []*analysis.Snapshot {
	byDir := map[string]*analysis.Snapshot{}
	for path := range st.docs {
		if project, _ := st.project(path); project != nil {
			byDir[project.Manifest.Dir] = project
		}
	}
	out := make([]*analysis.Snapshot, 0, len(byDir))
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		out = append(out, byDir[dir])
	}
	return out
}

func (st *state) load(root string) *analysis.Snapshot {
	st.mu.Lock()
	load := st.projects[root]
	if load == nil {
		load = sync.OnceValue(func() *analysis.Snapshot {
			return analysis.Load(context.Background(), source.Disk(), root, analysis.Options{
				Parsed: st.parsed, Tree: st.files.tree(root), Scripts: &st.files.scripts,
				Packages: st.packages.of(root),
			})
		})
		st.projects[root] = load
	}
	st.mu.Unlock()
	return load()
}
