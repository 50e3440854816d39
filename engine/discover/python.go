package discover

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"

	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// pyproject is what matters of a pyproject.toml.
type pyproject struct {
	Project struct {
		Name           string
		RequiresPython string `toml:"requires-python"`
		Dependencies   []string
		Scripts        map[string]string
	}
}

type pythonPatterns struct{ guard, version, shebang *regexp.Regexp }

var pythonText = sync.OnceValue(func() pythonPatterns {
	return pythonPatterns{
		guard:   regexp.MustCompile(`(?m)^if\s+__name__\s*==\s*['"]__main__['"]`),
		version: regexp.MustCompile(`^\s*(?:>=|==|~=)?\s*(3\.\d+)`),
		shebang: regexp.MustCompile(`^#!.*python`),
	}
})

// python makes programs of what a pyproject.toml declares and of what can be
// started, and tasks of scripts that stand for themselves.
func (f *finder) python() {
	isPython := func(file string) bool { return path.Ext(file) == ".py" }
	for _, dir := range f.roots("pyproject.toml") {
		f.pythonProject(dir)
		f.claim(dir, isPython)
	}
	for _, file := range f.free(isPython) {
		text := f.read(file)
		if roleOf(file) != forUse || !pythonText().guard.MatchString(text) && !pythonText().shebang.MatchString(text) {
			continue
		}
		var fs fields
		fs.list(schema.DepsNixpkgs, []string{"python3"})
		fs.text(schema.ScriptField, "exec python3 "+shellWord(file)+" \"$@\"\n")
		f.add(Target{Name: f.nameOf(file), Kind: schema.ScriptKind, Fields: fs, Reason: file + " can be started; `rigx run` does it"})
	}
	f.claim(".", isPython)
}

func (f *finder) pythonProject(dir string) {
	var p pyproject
	file := in(dir, "pyproject.toml")
	if err := toml.Unmarshal([]byte(f.read(file)), &p); err != nil {
		f.note("%s cannot be read: %v", file, err)
		return
	}
	var sources []string
	for _, s := range f.free(func(s string) bool { return path.Ext(s) == ".py" && below(s, dir) && roleOf(s) == forUse }) {
		if s != in(dir, "setup.py") && s != in(dir, "conftest.py") && s != in(dir, "noxfile.py") {
			sources = append(sources, s)
		}
	}
	switch {
	case f.has(in(dir, "uv.lock")):
		f.pythonScripts(dir, p, sources)
	case len(p.Project.Dependencies) > 0:
		f.note("%s has dependencies that nothing pins: run `uv lock` in it, and then `rigx init` again", file)
		return
	default:
		f.pythonPrograms(dir, p, sources)
	}
	f.pythonTests(dir, p)
}

// pythonScripts are what starts with the environment that uv has locked.
func (f *finder) pythonScripts(dir string, p pyproject, sources []string) {
	add := func(name, entry, reason string) {
		var own []string
		for _, s := range sources {
			if s != entry && below(s, path.Dir(entry)) {
				own = append(own, s)
			}
		}
		var fs fields
		fs.text(schema.PythonVersion, f.pythonVersion(dir, p))
		fs.text(schema.PythonProject, dir)
		fs.list(schema.Sources, f.with(entry, own))
		f.add(Target{Name: name, Kind: schema.PythonScript, Fields: fs, Reason: reason})
	}
	done := map[string]bool{}
	for _, name := range sorted(p.Project.Scripts) {
		module, _, _ := strings.Cut(p.Project.Scripts[name], ":")
		entry := f.moduleFile(dir, module)
		if entry == "" || !pythonText().guard.MatchString(f.read(entry)) {
			f.note("%s declares the script %s, but %s does not start by itself: give it an `if __name__ == \"__main__\"`", in(dir, "pyproject.toml"), name, module)
			continue
		}
		done[entry] = true
		add(name, entry, in(dir, "pyproject.toml")+" declares the script; its first build tells the hash of its packages")
	}
	for _, s := range sources {
		if !done[s] && len(p.Project.Scripts) == 0 && pythonText().guard.MatchString(f.read(s)) {
			add(f.nameOf(s), s, s+" can be started; its first build tells the hash of its packages")
		}
	}
}

// pythonVersion is the version that the project asks for, "" for any.
func (f *finder) pythonVersion(dir string, p pyproject) string {
	for _, text := range []string{f.read(in(dir, ".python-version")), p.Project.RequiresPython} {
		if m := pythonText().version.FindStringSubmatch(text); m != nil {
			return m[1]
		}
	}
	return ""
}

// moduleFile is the file of a module, "" if it is not there.
func (f *finder) moduleFile(dir, module string) string {
	name := strings.ReplaceAll(module, ".", "/")
	for _, root := range []string{in(dir, "src"), dir} {
		for _, file := range []string{name + ".py", name + "/__main__.py", name + "/__init__.py"} {
			if f.has(in(root, file)) {
				return in(root, file)
			}
		}
	}
	return ""
}

// pythonPrograms are what needs no packages: the modules are installed, with a
// program for each script that is declared.
func (f *finder) pythonPrograms(dir string, p pyproject, sources []string) {
	for _, name := range sorted(p.Project.Scripts) {
		module, function, _ := strings.Cut(p.Project.Scripts[name], ":")
		entry := f.moduleFile(dir, module)
		if entry == "" {
			continue
		}
		root := in(dir, "src")
		if !below(entry, root) {
			root = dir
		}
		var own []string
		for _, s := range sources {
			if below(s, root) {
				own = append(own, s)
			}
		}
		var fs fields
		fs.list(schema.Sources, f.cover(own))
		fs.list(schema.DepsNixpkgs, []string{"python3"})
		fs.text(schema.InstallScript, "mkdir -p $out/bin $out/lib\ncp -r "+shellWord(root)+"/. $out/lib/\n"+
			"cat > $out/bin/"+name+" <<END\n#!$(command -v python3)\nimport sys\nsys.path.insert(0, \"$out/lib\")\n"+
			"from "+module+" import "+function+"\nsys.exit("+function+"())\nEND\nchmod +x $out/bin/"+name+"\n")
		f.add(Target{Name: name, Kind: schema.Custom, Fields: fs, Reason: in(dir, "pyproject.toml") + " declares the script, which needs no packages"})
	}
	if len(p.Project.Scripts) > 0 {
		return
	}
	for _, s := range sources {
		if pythonText().guard.MatchString(f.read(s)) {
			var fs fields
			fs.list(schema.DepsNixpkgs, []string{"python3"})
			fs.text(schema.ScriptField, "exec python3 "+shellWord(s)+" \"$@\"\n")
			f.add(Target{Name: f.nameOf(s), Kind: schema.ScriptKind, Fields: fs, Reason: s + " can be started; `rigx run` does it"})
		}
	}
}

// pythonTests runs unittest in the sandbox, and pytest on the host, where uv has
// its packages.
func (f *finder) pythonTests(dir string, p pyproject) {
	tests := f.free(func(s string) bool { return path.Ext(s) == ".py" && below(s, dir) && roleOf(s) == forTests })
	if len(tests) == 0 {
		return
	}
	where := shellWord(dir)
	if slices.ContainsFunc(tests, func(s string) bool { return strings.Contains(f.read(s), "pytest") }) || len(p.Project.Dependencies) > 0 {
		if !f.has(in(dir, "uv.lock")) {
			f.note("the tests of %s need packages that nothing pins: run `uv lock`", in(dir, "pyproject.toml"))
			return
		}
		f.add(Target{Name: "python_tests", Kind: schema.Test, Reason: "there are tests in Python; on the host, as uv installs what they need", Fields: []Field{
			{schema.Sandbox, false}, {schema.DepsNixpkgs, []string{"uv"}},
			{schema.ScriptField, "cd " + where + "\nuv run --frozen pytest\n"},
		}})
		return
	}
	script := "export PYTHONPATH=src\npython3 -m unittest discover -s " + shellWord(path.Dir(tests[0])) + "\n"
	if dir != "." {
		script = "cd " + where + "\nexport PYTHONPATH=src\npython3 -m unittest discover\n"
	}
	var fs fields
	fs.list(schema.Sources, []string{in(dir, "**/*.py")})
	fs.list(schema.DepsNixpkgs, []string{"python3"})
	fs.text(schema.ScriptField, script)
	f.add(Target{Name: "python_tests", Kind: schema.Test, Fields: fs, Reason: "there are tests in Python"})
}

func sorted(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// shellWord quotes a path for a script if it needs it.
func shellWord(s string) string {
	if strings.ContainsFunc(s, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._/-+", c))
	}) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}
