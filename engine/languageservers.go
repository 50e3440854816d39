package engine

import (
	"context"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// rustCrate is a crate of rust-project.json, as
// https://rust-analyzer.github.io/book/non_cargo_based_projects.html has it.
type rustCrate struct {
	DisplayName     string            `json:"display_name"`
	RootModule      string            `json:"root_module"`
	Edition         string            `json:"edition"`
	Deps            []struct{}        `json:"deps"`
	Cfg             []string          `json:"cfg"`
	Target          string            `json:"target,omitempty"`
	Env             map[string]string `json:"env"`
	WorkspaceMember bool              `json:"is_workspace_member"`
}

type rustWorkspace struct {
	GeneratedBy string      `json:"generated_by"`
	Sysroot     string      `json:"sysroot,omitempty"`
	SysrootSrc  string      `json:"sysroot_src,omitempty"`
	Crates      []rustCrate `json:"crates"`
}

// rustProject lists the targets in Rust, one crate each, with the toolchain that
// builds them.
func rustProject(ctx context.Context, w *Workspace, units []ideUnit) (string, error) {
	project := rustWorkspace{GeneratedBy: ideMarker}
	for _, u := range units {
		if u.language != "rust" {
			continue
		}
		crate := rustCrate{
			DisplayName: u.Name(), Edition: "2015", WorkspaceMember: true, Env: map[string]string{}, Deps: []struct{}{}, Cfg: []string{},
			RootModule: absolute(w.Dir(), w.Files.Of(u.Unit).Sources[0]),
		}
		args := commandWords(u.env, "rustc")
		for i, arg := range args {
			if edition, ok := strings.CutPrefix(arg, "--edition="); ok {
				crate.Edition = edition
			}
			if i+1 == len(args) {
				break
			}
			switch arg {
			case "--edition":
				crate.Edition = args[i+1]
			case "--cfg":
				crate.Cfg = append(crate.Cfg, args[i+1])
			case "--target":
				crate.Target = args[i+1]
			}
		}
		if project.Sysroot == "" {
			project.Sysroot, project.SysrootSrc = sysroot(ctx, u.env.program("rustc"))
		}
		project.Crates = append(project.Crates, crate)
	}
	if project.Crates == nil {
		return "", nil
	}
	return ideJSON(project)
}

// commandWords are the arguments of the first call of a program in the build
// phase, where everything is resolved. Nothing of it is run.
func commandWords(env *Environment, program string) []string {
	parsed, err := syntax.NewParser().Parse(strings.NewReader(env.phase("build")), "buildPhase")
	if err != nil {
		return nil
	}
	config := &expand.Config{Env: expand.FuncEnviron(func(name string) string { return env.build[name] })}
	var words []string
	syntax.Walk(parsed, func(node syntax.Node) bool {
		if call, ok := node.(*syntax.CallExpr); ok && words == nil && len(call.Args) > 0 && call.Args[0].Lit() == program {
			words, _ = expand.Fields(config, call.Args[1:]...)
		}
		return words == nil
	})
	return words
}

// sysroot is the directory of a Rust toolchain, and that of the sources of its
// standard library if they are there.
func sysroot(ctx context.Context, rustc string) (dir, sources string) {
	if rustc == "" {
		return "", ""
	}
	out, err := exec.CommandContext(ctx, rustc, "--print", "sysroot").Output()
	if err != nil {
		return "", ""
	}
	dir = strings.TrimSpace(string(out))
	sources = filepath.Join(dir, "lib", "rustlib", "src", "rust", "library")
	if _, err := os.Stat(sources); err != nil {
		sources = ""
	}
	return dir, sources
}

// goWork makes gopls see all modules of a project whose root is none: see
// https://go.dev/ref/mod#workspaces.
func goWork(_ context.Context, w *Workspace, _ []ideUnit) (string, error) {
	var dirs []string
	version := "1.18" // the first with workspaces
	for _, file := range w.tree.WholeTree() {
		if path.Base(file) != "go.mod" {
			continue
		}
		if path.Dir(file) == "." {
			return "", nil
		}
		dirs = append(dirs, path.Dir(file))
		text, err := os.ReadFile(absolute(w.Dir(), file))
		if err != nil {
			return "", err
		}
		if m := goDirective().FindSubmatch(text); m != nil && newerGo(string(m[1]), version) {
			version = string(m[1])
		}
	}
	if dirs == nil {
		return "", nil
	}
	slices.Sort(dirs)
	var b strings.Builder
	b.WriteString("// Written by `rigx ide` (" + ideMarker + ").\ngo " + version + "\n\nuse (\n")
	for _, dir := range dirs {
		b.WriteString("\t" + goModString("./"+dir) + "\n")
	}
	b.WriteString(")\n")
	return b.String(), nil
}

var goDirective = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^go\s+([0-9]+(?:\.[0-9]+)*)`)
})

// newerGo compares versions of Go such as 1.9 and 1.21.3.
func newerGo(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		if len(x[i]) != len(y[i]) {
			return len(x[i]) > len(y[i])
		}
		if x[i] != y[i] {
			return x[i] > y[i]
		}
	}
	return len(x) > len(y)
}

// goModString quotes a path where go.work needs that.
func goModString(s string) string {
	if strings.ContainsAny(s, " \t\"'`()[]{},") {
		return "`" + s + "`"
	}
	return s
}

// pyrightEnvironment is one of the executionEnvironments of
// https://microsoft.github.io/pyright/#/configuration.
type pyrightEnvironment struct {
	Name       string   `json:"name"`
	Root       string   `json:"root"`
	Version    string   `json:"pythonVersion"`
	ExtraPaths []string `json:"extraPaths"`
}

// sitePackages finds the packages that a launcher is given: see python in package
// nixgen.
var sitePackages = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`--prefix PYTHONPATH : (\S+/lib/python([0-9.]+)/site-packages)`)
})

// pyrightConfig names the packages of each Python program's uv.lock.
func pyrightConfig(_ context.Context, w *Workspace, units []ideUnit) (string, error) {
	var all []pyrightEnvironment
	for _, u := range units {
		m := sitePackages().FindStringSubmatch(u.env.phase("install"))
		if u.language != "python" || m == nil {
			continue
		}
		root := path.Dir(w.Files.Of(u.Unit).Sources[0])
		if !slices.ContainsFunc(all, func(e pyrightEnvironment) bool { return e.Root == root }) {
			all = append(all, pyrightEnvironment{ideMarker + " " + u.Name(), root, m[2], []string{m[1]}})
		}
	}
	if all == nil {
		return "", nil
	}
	// The nearest root counts, so deeper ones go first.
	slices.SortStableFunc(all, func(a, b pyrightEnvironment) int { return strings.Count(b.Root, "/") - strings.Count(a.Root, "/") })
	return ideJSON(map[string]any{"executionEnvironments": all})
}
