package engine

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// Initialized is what [Init] did.
type Initialized struct {
	// File is the rigx.toml that was written.
	File string
	// Reasons say, a line for each target, why it is there.
	Reasons []string
}

// Init writes a rigx.toml with a target for each program that it finds among
// the files of a directory: those with a main function, Go's main packages,
// Python projects that uv has locked, Makefiles. It does not touch anything
// else, and refuses if there is a rigx.toml.
func Init(dir string) (*Initialized, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(abs, manifest.FileName)
	if _, err := os.Lstat(file); err == nil {
		return nil, &Error{Code: diagnostic.Redefined, Message: file + " is there already", Help: []string{"`rigx new` adds a target to it"}}
	}
	i := initializer{tree: source.NewTree(source.Disk(), abs), dir: abs, names: map[string]bool{}}
	i.look()
	name := NewTarget{Name: filepath.Base(abs)}.stem()
	text := "[project]\nname    = " + syntax.Quote(name) + "\nversion = \"0.1.0\"\n\n[nixpkgs]\nref = \"nixos-24.11\"\n"
	for _, block := range i.blocks {
		text += "\n" + block.String()
	}
	if len(i.blocks) == 0 {
		text += "\n# `rigx new executable hello` adds a first target.\n"
	}
	if err := writeAtomic(file, text); err != nil {
		return nil, unwritable(file, err)
	}
	return &Initialized{file, i.reasons}, nil
}

// maxLooked is how many files are looked at, and how much of each, in bytes.
const (
	maxLookedFiles = 20_000
	maxLookedBytes = 1 << 20
)

type initializer struct {
	tree    *source.Tree
	dir     string
	names   map[string]bool
	blocks  []*tomlBlock
	reasons []string
}

// mains recognise the file that a program begins in.
var mains = map[string]*regexp.Regexp{
	"c":    regexp.MustCompile(`(?m)^\s*(int|void)\s+main\s*\(`),
	"cxx":  regexp.MustCompile(`(?m)^\s*(int|auto)\s+main\s*\(`),
	"go":   regexp.MustCompile(`(?m)^package\s+main\b`),
	"rust": regexp.MustCompile(`(?m)^\s*(pub\s+)?fn\s+main\s*\(`),
	"zig":  regexp.MustCompile(`(?m)^\s*pub\s+fn\s+main\s*\(`),
	"nim":  regexp.MustCompile(`(?m)^\s*(when\s+isMainModule|echo\b)`),
}

func (i *initializer) look() {
	files := i.tree.WholeTree()
	files = files[:min(len(files), maxLookedFiles)]
	programs := map[string][]string{} // by language
	others := map[string][]string{}
	for _, f := range files {
		language := schema.LanguageOf(f)
		if language == "" || strings.HasSuffix(f, "_test.go") {
			continue
		}
		if mains[language].MatchString(i.read(f)) {
			programs[language] = append(programs[language], f)
		} else {
			others[language] = append(others[language], f)
		}
	}
	for _, language := range []string{"c", "cxx"} {
		i.cFamily(language, programs[language], others[language], files)
	}
	i.golang(programs["go"])
	for _, language := range []string{"rust", "zig", "nim"} {
		for _, f := range programs[language] {
			i.add(i.block(schema.Executable, stemOf(f)).set("sources", quotedList([]string{f})), f+" has a main function")
		}
	}
	if slices.Contains(files, "pyproject.toml") && slices.Contains(files, "uv.lock") {
		i.python(files)
	}
	if len(i.blocks) == 0 && slices.Contains(files, "Makefile") {
		b := i.block(schema.Custom, "all")
		b.script("build_script", "make")
		b.script("install_script", "make install PREFIX=$out")
		i.add(b, "there is a Makefile; adjust what is installed")
	}
}

func (i *initializer) read(rel string) string {
	f, err := os.Open(filepath.Join(i.dir, filepath.FromSlash(rel)))
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	text := make([]byte, maxLookedBytes)
	n, _ := f.Read(text)
	return string(text[:n])
}

// cFamily makes a program of each file with a main function. The other files
// belong to it if it is alone, and are a library of their own if not.
func (i *initializer) cFamily(language string, programs, others, files []string) {
	var includes []string
	for _, f := range files {
		if ext := path.Ext(f); ext == ".h" || ext == ".hpp" || ext == ".hh" {
			if dir := path.Dir(f); !slices.Contains(includes, dir) {
				includes = append(includes, dir)
			}
		}
	}
	withIncludes := func(b *tomlBlock) *tomlBlock {
		if len(includes) > 0 {
			b.set("includes", quotedList(includes))
		}
		return b
	}
	library := ""
	if len(others) > 0 && len(programs) != 1 {
		b := i.block(schema.StaticLibrary, stemOf(i.dir))
		library = b.name
		withIncludes(b.set("sources", quotedList(others)))
		i.add(b, strconv.Itoa(len(others))+" source file(s)"+" in "+language+" without a main function")
		others = nil
	}
	for _, f := range programs {
		b := withIncludes(i.block(schema.Executable, stemOf(f)).set("sources", quotedList(append([]string{f}, others...))))
		if library != "" {
			b.set("deps.internal", quotedList([]string{library}))
		}
		i.add(b, f+" has a main function")
	}
}

// golang makes a program of each directory with a main package.
func (i *initializer) golang(files []string) {
	var dirs []string
	byDir := map[string][]string{}
	for _, f := range files {
		dir := path.Dir(f)
		if byDir[dir] == nil {
			dirs = append(dirs, dir)
		}
		byDir[dir] = append(byDir[dir], f)
	}
	for _, dir := range dirs {
		name := stemOf(dir)
		if dir == "." {
			name = stemOf(i.dir)
		}
		i.add(i.block(schema.Executable, name).set("sources", quotedList(byDir[dir])), dir+" is a main package of Go")
	}
}

func (i *initializer) python(files []string) {
	for _, f := range files {
		if path.Ext(f) != ".py" || !strings.Contains(i.read(f), "__main__") {
			continue
		}
		b := i.block(schema.PythonScript, stemOf(f)).set("sources", quotedList([]string{f})).set("python_project", `"."`)
		i.add(b, f+" is a script of the Python project; its first build tells the python_venv_hash")
	}
}

func (i *initializer) block(kind schema.Kind, name string) *tomlBlock {
	return newBlock(NewTarget{Kind: kind, Name: i.unused(name)})
}

func (i *initializer) add(b *tomlBlock, reason string) {
	i.blocks = append(i.blocks, b)
	i.reasons = append(i.reasons, b.name+": "+reason)
}

// unused makes a name that no target has yet.
func (i *initializer) unused(name string) string {
	for i.names[name] {
		name += "_"
	}
	i.names[name] = true
	return name
}

// stemOf is the name that a target for a file or directory gets.
func stemOf(file string) string {
	base := path.Base(filepath.ToSlash(file))
	return NewTarget{Name: strings.TrimSuffix(base, path.Ext(base))}.stem()
}

func quotedList(items []string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = syntax.Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
