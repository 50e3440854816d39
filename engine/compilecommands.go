package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// compileCommand is an entry of compile_commands.json, as
// https://clang.llvm.org/docs/JSONCompilationDatabase.html has it.
type compileCommand struct {
	Directory string   `json:"directory"`
	File      string   `json:"file"`
	Arguments []string `json:"arguments"`
	Output    string   `json:"output"`
}

// compileCommands lists every file that a unit compiles, with the arguments of
// the build.
func compileCommands(ctx context.Context, w *Workspace, units []ideUnit) (string, error) {
	var all []compileCommand
	for _, u := range units {
		if u.language != "c" && u.language != "cxx" {
			continue
		}
		build, err := readCompilation(u.env)
		if err != nil {
			return "", fmt.Errorf("%s: %w", u.Name(), err)
		}
		arguments := slices.Concat(build.command, headerFlags(u.env.build["NIX_CFLAGS_COMPILE"]), w.compilerHeaders(ctx, u, build.command))
		for _, file := range build.files {
			output := ideMarker + "/" + u.Attr() + "/" + strings.TrimPrefix(file, "/") + ".o"
			all = append(all, compileCommand{
				Directory: w.Dir(), File: absolute(w.Dir(), file), Output: output,
				Arguments: slices.Concat(arguments, []string{"-c", file, "-o", output}),
			})
		}
	}
	if all == nil {
		return "", nil
	}
	return ideJSON(all)
}

func absolute(dir, file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(dir, filepath.FromSlash(file))
}

// compilation is how a unit compiles its sources.
type compilation struct {
	// command is the compiler with all arguments but those for one file.
	command []string
	files   []string
}

// readCompilation finds the command and the files in the build phase of a unit,
// where everything is resolved: see cFamily in package nixgen, which writes
//
//	compiler=($CC -O2 …)
//	compile src/main.c
//
// Nothing of it is run.
func readCompilation(env *Environment) (compilation, error) {
	var c compilation
	parsed, err := syntax.NewParser().Parse(strings.NewReader(env.phase("build")), "buildPhase")
	if err != nil {
		return c, err
	}
	// Without CmdSubst and ReadDir, commands and globs are errors.
	config := &expand.Config{Env: expand.FuncEnviron(func(name string) string { return env.build[name] })}
	syntax.Walk(parsed, func(node syntax.Node) bool {
		call, ok := node.(*syntax.CallExpr)
		if !ok || err != nil {
			return err == nil
		}
		for _, a := range call.Assigns {
			if a.Name.Value == "compiler" && a.Array != nil {
				for _, element := range a.Array.Elems {
					var fields []string
					if fields, err = expand.Fields(config, element.Value); err != nil {
						return false
					}
					c.command = append(c.command, fields...)
				}
			}
		}
		if len(call.Args) == 2 && call.Args[0].Lit() == "compile" {
			var file string
			file, err = expand.Literal(config, call.Args[1])
			c.files = append(c.files, file)
		}
		return err == nil
	})
	if err == nil && len(c.command) == 0 {
		err = fmt.Errorf("its build phase names no compiler")
	}
	if err == nil {
		if program := env.program(c.command[0]); program != "" {
			c.command[0] = program
		}
	}
	return c, err
}

// headerFlags are those of a list of flags that concern headers and macros; the
// others are for one compiler only.
func headerFlags(list string) []string {
	var out []string
	words := strings.Fields(list)
	for i := 0; i < len(words); i++ {
		switch word := words[i]; {
		case slices.Contains([]string{"-isystem", "-I", "-idirafter", "-iquote", "-include", "-D"}, word) && i+1 < len(words):
			i++
			out = append(out, word, words[i])
		case strings.HasPrefix(word, "-I"), strings.HasPrefix(word, "-D"):
			out = append(out, word)
		}
	}
	return out
}

// ownHeaders are directories with headers that belong to one compiler; clangd
// has such of its own.
var ownHeaders = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`/lib(32|64|exec)?/(gcc(-cross)?/[^/]+/[^/]+/include(-fixed)?|clang/[^/]+/include|llvm-[^/]+/lib/clang/[^/]+/include)/?$`)
})

// platformFlags change where a compiler looks for headers by itself.
var platformFlags = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(-m(32|64|arch=.*)|-stdlib=.*|--sysroot=.*|--target=.*)$`)
})

// builtinHeaders is what a compiler says of itself.
type builtinHeaders struct {
	Machine string
	Dirs    []string
}

// compilerHeaders are the flags that make clang look for the headers of the
// standard library where the unit's compiler does, and nowhere else. They are
// nothing if the compiler does not tell.
func (w *Workspace) compilerHeaders(ctx context.Context, u ideUnit, command []string) []string {
	language := "c"
	if u.language == "cxx" {
		language = "c++"
	}
	args := []string{"-E", "-v", "-x", language, os.DevNull, "-o", os.DevNull}
	for _, flag := range command[1:] {
		if platformFlags().MatchString(flag) {
			args = append([]string{flag}, args...)
		}
	}
	known := w.askCompiler(ctx, command[0], args)
	if len(known.Dirs) == 0 {
		return nil
	}
	flags := []string{"-nostdlibinc"}
	if known.Machine != "" {
		flags = append(flags, "--target="+known.Machine)
	}
	for _, dir := range known.Dirs {
		flags = append(flags, "-isystem", dir)
	}
	return flags
}

// askCompiler asks a compiler where it looks for headers. What one in the store
// says, it says forever.
func (w *Workspace) askCompiler(ctx context.Context, program string, args []string) (known builtinHeaders) {
	id := sha256.Sum256([]byte(program + "\x00" + strings.Join(args, "\x00")))
	cache := filepath.Join("compilers", hex.EncodeToString(id[:8]))
	if data, err := os.ReadFile(filepath.Join(w.opts.CacheDir, cache)); err == nil && json.Unmarshal(data, &known) == nil {
		return known
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "NIX_CFLAGS_COMPILE=", "LC_ALL=C")
	cmd.Stderr = &out
	if cmd.Run() != nil {
		return known
	}
	known = parseHeaderSearch(out.String())
	if data, err := json.Marshal(known); err == nil && strings.HasPrefix(program, "/nix/store/") {
		_, _ = w.CacheFile(cache, string(data)) // otherwise it is asked again
	}
	return known
}

// parseHeaderSearch reads what GCC and Clang print with -v.
func parseHeaderSearch(text string) (known builtinHeaders) {
	listing := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if machine, ok := strings.CutPrefix(line, "Target: "); ok {
			known.Machine = machine
		}
		switch {
		case strings.HasPrefix(line, "#include <"):
			listing = true
		case strings.HasPrefix(line, "End of search list"):
			return known
		case listing && filepath.IsAbs(line):
			if dir := filepath.Clean(line); !ownHeaders().MatchString(dir) {
				known.Dirs = append(known.Dirs, dir)
			}
		}
	}
	return known
}
