package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rigx-build/rigx/engine"
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/nixgen"
)

func (a *app) developCommand() *cobra.Command {
	var printEnv bool
	var format, shell string
	cmd := &cobra.Command{
		Use:   "develop [TARGET] [-- CMD…]",
		Short: "Work in a shell with a target's pinned toolchain and dependencies",
		Long: "Start a shell, or run a command, with the compilers, libraries and tools that the build of a target sees first on PATH; without a name with those of all targets. What the target depends on is built if need be.\n\n" +
			"The shell is bash, zsh or fish: the one in $SHELL unless --shell says another. With --print-env the environment is written for a shell or a program to read: `eval \"$(rigx develop --print-env --format direnv)\"` is what belongs in an .envrc.",
		Args: func(cmd *cobra.Command, args []string) error {
			dash := cmd.ArgsLenAtDash()
			if dash > 1 || dash < 0 && len(args) > 1 {
				return usageError{errors.New("put the command behind --: rigx develop " + args[0] + " -- …")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if dash := cmd.ArgsLenAtDash(); len(args) > 0 && dash != 0 {
				name, args = args[0], args[1:]
			}
			write, known := envFormats[format]
			switch {
			case !known:
				return usageError{fmt.Errorf("unknown format %q; use sh, fish, json or direnv", format)}
			case printEnv && len(args) > 0:
				return usageError{errors.New("--print-env runs no command")}
			case shell != "" && shells[shell] == nil:
				return usageError{fmt.Errorf("unknown shell %q; use bash, zsh or fish, or run it: rigx develop %s", shell, strings.TrimSpace(name+" -- "+shell))}
			}
			if printEnv && format == "direnv" {
				// What fails must not look to direnv as if nothing had been to do.
				status := a.report(a.printEnv(cmd, name, write))
				if status != 0 {
					if root, err := engine.FindRoot(a.dir); err == nil {
						fmt.Fprintln(a.out, "watch_file "+nixgen.ShellQuote(filepath.Join(root, manifest.FileName)))
					}
					fmt.Fprintln(a.out, "exit 1")
					return exitStatus(status)
				}
				return nil
			}
			if printEnv {
				return a.printEnv(cmd, name, write)
			}
			ws, env, err := a.environment(cmd, name)
			if err != nil {
				return err
			}
			if len(args) > 0 {
				return a.become(cmd.Context(), args, env.Apply(os.Environ()))
			}
			if shell == "" {
				shell = a.usualShell()
			}
			return a.developShell(cmd, ws, env, shell)
		},
	}
	cmd.Flags().BoolVar(&printEnv, "print-env", false, "write the environment instead of starting a shell")
	cmd.Flags().StringVar(&format, "format", "sh", "`FORMAT` of --print-env is sh (bash and zsh), fish, json or direnv")
	cmd.Flags().StringVar(&shell, "shell", "", "start this `SHELL`: bash, zsh or fish")
	return cmd
}

// environment computes the environment of a target, with the usual progress.
func (a *app) environment(cmd *cobra.Command, name string) (ws *engine.Workspace, env *engine.Environment, err error) {
	err = a.building(cmd, func(opened *engine.Workspace, opts engine.BuildOptions) error {
		ws = opened
		env, err = ws.Environment(cmd.Context(), name, opts)
		return err
	})
	return ws, env, err
}

func (a *app) printEnv(cmd *cobra.Command, name string, write func(io.Writer, *engine.Environment)) error {
	ws, env, err := a.environment(cmd, name)
	if err != nil {
		return err
	}
	if cmd.Flag("format").Value.String() == "direnv" {
		for _, file := range ws.EnvironmentFiles() {
			fmt.Fprintln(a.out, "watch_file "+nixgen.ShellQuote(file))
		}
	}
	write(a.out, env)
	return nil
}

// envFormats write an environment for others to read.
var envFormats = map[string]func(io.Writer, *engine.Environment){
	"sh": writeShellEnv, "direnv": writeShellEnv, "fish": writeFishEnv, "json": writeJSONEnv,
}

func writeShellEnv(w io.Writer, env *engine.Environment) {
	for _, v := range env.Variables {
		fmt.Fprintf(w, "export %s=%s\n", v.Name, nixgen.ShellQuote(v.Value))
	}
	for _, s := range env.Search {
		fmt.Fprintf(w, "export %s=%s\"${%s:+:$%s}\"\n", s.Name, nixgen.ShellQuote(strings.Join(s.Dirs, ":")), s.Name, s.Name)
	}
}

func writeFishEnv(w io.Writer, env *engine.Environment) {
	for _, v := range env.Variables {
		fmt.Fprintf(w, "set -gx %s %s\n", v.Name, nixgen.FishQuote(v.Value))
	}
	for _, s := range env.Search {
		fmt.Fprintf(w, "set -gx --path %s", s.Name)
		for _, dir := range s.Dirs {
			fmt.Fprint(w, " "+nixgen.FishQuote(dir))
		}
		fmt.Fprintf(w, " $%s\n", s.Name)
	}
}

// writeJSONEnv writes the variables as they are once they are laid over the
// environment of now.
func writeJSONEnv(w io.Writer, env *engine.Environment) {
	values := map[string]string{}
	for _, v := range env.Variables {
		values[v.Name] = v.Value
	}
	applied := env.Apply(os.Environ())
	for _, s := range env.Search {
		for _, v := range applied {
			if value, ok := strings.CutPrefix(v, s.Name+"="); ok {
				values[s.Name] = value
			}
		}
	}
	_ = (&app{out: w}).writeJSON(values)
}

// shells are those that rigx knows how to start: their first file and how to
// make them read it.
var shells = map[string]*shellStart{
	"bash": {file: "bashrc", text: bashrc, args: func(file string) []string { return []string{"--rcfile", file, "-i"} }},
	"zsh":  {file: "zsh/.zshrc", text: zshrc, args: func(string) []string { return []string{"-i"} }},
	"fish": {file: "prompt.fish", text: fishrc, args: func(file string) []string { return []string{"-i", "-C", "source " + nixgen.FishQuote(file)} }},
}

type shellStart struct {
	file, text string
	args       func(file string) []string
}

// What a shell reads when it starts: the user's own settings, then PATH once
// more in case those changed it, and a hint in the prompt. The name of the
// target is not written into a prompt that would run what is in it.
const (
	bashrc = `if [ -r ~/.bashrc ]; then . ~/.bashrc; fi
PATH=$RIGX_DEVELOP_PATH:$PATH
PS1='(rigx:${RIGX_DEVELOP}) '"$PS1"
`
	zshrc = `ZDOTDIR=${RIGX_DEVELOP_ZDOTDIR:-$HOME}
if [ -r "$ZDOTDIR/.zshenv" ]; then . "$ZDOTDIR/.zshenv"; fi
if [ -r "$ZDOTDIR/.zshrc" ]; then . "$ZDOTDIR/.zshrc"; fi
PATH=$RIGX_DEVELOP_PATH:$PATH
psvar[9]=$RIGX_DEVELOP
PROMPT='(rigx:%9v) '$PROMPT
`
	fishrc = `set -gx PATH (string split : -- $RIGX_DEVELOP_PATH) $PATH
functions -q fish_prompt; and functions -c fish_prompt rigx_prompt_before
function fish_prompt
    echo -n "(rigx:$RIGX_DEVELOP) "
    functions -q rigx_prompt_before; and rigx_prompt_before
end
`
)

// usualShell is the user's, if it is one that rigx knows, or else bash.
func (a *app) usualShell() string {
	name := filepath.Base(os.Getenv("SHELL"))
	if shells[name] != nil {
		return name
	}
	if name != "." && !a.quiet {
		fmt.Fprintf(a.err, "[rigx] $SHELL is %s, which is none of bash, zsh and fish; starting bash\n", os.Getenv("SHELL"))
	}
	return "bash"
}

func (a *app) developShell(cmd *cobra.Command, ws *engine.Workspace, env *engine.Environment, name string) error {
	start := shells[name]
	file, err := ws.CacheFile(filepath.Join("shell", filepath.FromSlash(start.file)), start.text)
	if err != nil {
		return err
	}
	environ := env.Apply(os.Environ())
	for _, s := range env.Search {
		if s.Name == "PATH" {
			environ = append(environ, "RIGX_DEVELOP_PATH="+strings.Join(s.Dirs, ":"))
		}
	}
	if name == "zsh" {
		environ = append(environ, "RIGX_DEVELOP_ZDOTDIR="+os.Getenv("ZDOTDIR"), "ZDOTDIR="+filepath.Dir(file))
	}
	// The shell that the user has: the build's bash may be made for scripts only.
	program := name
	if own := os.Getenv("SHELL"); filepath.Base(own) == name {
		program = own
	} else if found, err := exec.LookPath(name); err == nil {
		program = found
	}
	return a.become(cmd.Context(), slices.Concat([]string{program}, start.args(file)), environ)
}
