package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// NewTarget is what [Workspace.AddTarget] adds.
type NewTarget struct {
	Kind schema.Kind
	Name string
	// Language of the compiled kinds; C++ when empty.
	Language string
	// Run is the program of a run target.
	Run string
}

// AddTarget appends a target to rigx.toml, leaving what is there as it is, and
// writes a source to begin with. It returns the files it wrote. Nothing is
// written if the name or a file is taken.
func (w *Workspace) AddTarget(n NewTarget) ([]string, error) {
	file := w.Manifest.Root()
	if len(file.Tree.Errors) > 0 {
		return nil, &InvalidError{Diagnostics: w.Manifest.Diagnostics(), Manifest: w.Manifest}
	}
	if why := manifest.BadName(n.Name); why != "" {
		return nil, failure(diagnostic.BadName, "`%s` cannot be the name of a target: it %s", n.Name, why)
	}
	if t := w.Manifest.Target(n.Name); t != nil {
		at := t.Local.At
		return nil, failure(diagnostic.Redefined, "the target `%s` is there already: %s:%d", n.Name, at.File.Name, at.File.Position(at.Span.Start).Line+1)
	}
	block, files, err := n.scaffold()
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(w.Dir(), f.name)); !errors.Is(err, fs.ErrNotExist) {
			return nil, failure(diagnostic.Redefined, "%s is there already; choose another name, or write the target yourself", f.name)
		}
	}
	return w.write(files, file, block)
}

// write creates the files and then extends rigx.toml. If anything fails, what
// was created is removed again.
func (w *Workspace) write(files []stub, root *syntax.File, block string) (written []string, err error) {
	defer func() {
		if err != nil {
			for _, name := range written {
				os.Remove(filepath.Join(w.Dir(), name))
			}
			written = nil
		}
	}()
	for _, f := range files {
		path := filepath.Join(w.Dir(), filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return written, unwritable(path, err)
		}
		if err := writeAtomic(path, f.text); err != nil {
			return written, unwritable(path, err)
		}
		written = append(written, f.name)
	}
	text := root.Tree.Text
	newline := "\n"
	if strings.Contains(text, "\r\n") {
		newline = "\r\n"
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += newline
	}
	text += newline + strings.ReplaceAll(block, "\n", newline)
	if err := writeAtomic(root.Path, text); err != nil {
		return written, unwritable(root.Path, err)
	}
	return append(written, manifest.FileName), nil
}

// stub is a file to begin with.
type stub struct{ name, text string }

// extensions of a language's sources.
var extensions = map[string]string{"c": ".c", "cxx": ".cpp", "go": ".go", "rust": ".rs", "zig": ".zig", "nim": ".nim"}

func (n NewTarget) scaffold() (block string, files []stub, err error) {
	b := newBlock(n)
	switch {
	case schema.Compiled.Has(n.Kind):
		return n.compiled(b)
	case n.Language != "":
		return "", nil, failure(diagnostic.NotForKind, "a %s target has no language", n.Kind)
	}
	switch n.Kind {
	case schema.PythonScript:
		name := "src/" + n.stem() + ".py"
		b.set("sources", list(name)).set("python_version", `"3.12"`).set("python_project", `"."`)
		files = append(files, stub{name, "def main() -> None:\n    print(\"hello from " + n.stem() + "\")\n\n\nif __name__ == \"__main__\":\n    main()\n"})
	case schema.Run:
		b.set("run", syntax.Quote(n.Run)).set("args", "[]").set("outputs", list("output.txt"))
	case schema.GeneratedSource:
		b.set("inputs", "[]").set("command", syntax.Quote("echo '// made by "+n.stem()+"' > $out/"+n.stem()+".h")).set("outputs", list(n.stem()+".h"))
	case schema.Custom:
		b.script("build_script", "# Runs in the sandbox, in a copy of the source; dependencies are on PATH.\necho built by "+n.stem()+" > result.txt")
		b.script("install_script", "mkdir -p $out\ncp result.txt $out/")
	case schema.Test:
		b.set("deps.internal", "[]")
		b.script("script", "# Passes when it succeeds; `rigx test` runs it.\ntrue")
	case schema.ScriptKind:
		b.set("deps.nixpkgs", "[]")
		b.script("script", "# Runs on this machine; `rigx run "+n.stem()+" -- ARGS` gives it arguments.\necho \"$@\"")
	case schema.Testbed:
		b.set("deps.nixpkgs", "[]")
		b.script("script", "# Set things up, then wait until the user is done.\necho \"press Enter to end\"\nread -r _")
	case schema.Capsule:
		b.set("backend", `"lite"`).set("deps.internal", "[]").set("entrypoint", `"/bin/sh"`)
	}
	return b.String(), files, nil
}

func (n NewTarget) compiled(b *tomlBlock) (string, []stub, error) {
	language := n.Language
	if language == "" {
		language = "cxx"
	}
	extension, ok := extensions[language]
	if !ok {
		e := failure(diagnostic.BadValue, "there is no language `%s`", language)
		e.Help = []string{"it is one of: " + strings.Join(schema.Languages, ", ")}
		return "", nil, e
	}
	stem := n.stem()
	library := n.Kind != schema.Executable
	if library && language != "c" && language != "cxx" && language != "rust" {
		return "", nil, failure(diagnostic.NotForKind, "a %s cannot be written in %s; libraries are in c, cxx or rust", n.Kind, language)
	}
	name := "src/" + stem + extension
	b.set("sources", list(name))
	if !library {
		return b.String(), []stub{{name, strings.ReplaceAll(programs[language], "@NAME@", stem)}}, nil
	}
	function := identifier(stem) + "_answer"
	files := []stub{{name, strings.NewReplacer("@FUNCTION@", function, "@NAME@", stem).Replace(libraries[language])}}
	if language != "rust" {
		b.set("includes", list("include")).set("public_headers", list("include"))
		header := strings.NewReplacer("@FUNCTION@", function).Replace("#pragma once\n\nint @FUNCTION@(void);\n")
		files = append(files, stub{"include/" + stem + ".h", header})
	}
	return b.String(), files, nil
}

var programs = map[string]string{
	"c":    "#include <stdio.h>\n\nint main(void) {\n    puts(\"hello from @NAME@\");\n    return 0;\n}\n",
	"cxx":  "#include <iostream>\n\nint main() {\n    std::cout << \"hello from @NAME@\\n\";\n}\n",
	"go":   "package main\n\nimport \"fmt\"\n\nfunc main() {\n\tfmt.Println(\"hello from @NAME@\")\n}\n",
	"rust": "fn main() {\n    println!(\"hello from @NAME@\");\n}\n",
	"zig":  "const std = @import(\"std\");\n\npub fn main() void {\n    std.debug.print(\"hello from @NAME@\\n\", .{});\n}\n",
	"nim":  "echo \"hello from @NAME@\"\n",
}

var libraries = map[string]string{
	"c":    "#include \"@NAME@.h\"\n\nint @FUNCTION@(void) { return 42; }\n",
	"cxx":  "#include \"@NAME@.h\"\n\nint @FUNCTION@() { return 42; }\n",
	"rust": "#[no_mangle]\npub extern \"C\" fn @FUNCTION@() -> i32 {\n    42\n}\n",
}

// stem is the name as it may stand in file names and source texts.
func (n NewTarget) stem() string {
	odd := func(c rune) bool {
		return c >= unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("_-.", c)
	}
	if strings.ContainsFunc(n.Name, odd) {
		return identifier(n.Name)
	}
	return n.Name
}

// identifier makes a name of C from any name.
func identifier(name string) string {
	id := strings.Map(func(c rune) rune {
		if c < unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsDigit(c)) {
			return c
		}
		return '_'
	}, name)
	if id[0] >= '0' && id[0] <= '9' {
		id = "_" + id
	}
	return id
}

func list(item string) string { return "[" + syntax.Quote(item) + "]" }

// tomlBlock is a table being written, its values in one column.
type tomlBlock struct {
	name   string
	keys   []string
	values []string
}

func newBlock(n NewTarget) *tomlBlock {
	b := &tomlBlock{name: n.Name}
	return b.set("kind", syntax.Quote(n.Kind.String()))
}

func (b *tomlBlock) set(key, value string) *tomlBlock {
	b.keys, b.values = append(b.keys, key), append(b.values, value)
	return b
}

func (b *tomlBlock) script(key, text string) {
	b.set(key, "'''\n"+text+"\n'''")
}

func (b *tomlBlock) String() string {
	width := 0
	for _, k := range b.keys {
		width = max(width, len(k))
	}
	var out strings.Builder
	out.WriteString("[targets." + syntax.QuoteKey(b.name) + "]\n")
	for i, k := range b.keys {
		out.WriteString(k + strings.Repeat(" ", width-len(k)) + " = " + b.values[i] + "\n")
	}
	return out.String()
}
