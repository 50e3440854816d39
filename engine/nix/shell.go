package nix

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// ShellRequest is a program to run with packages of nixpkgs on PATH.
type ShellRequest struct {
	// ProjectDir and Overrides say which nixpkgs, as in [EvalRequest].
	ProjectDir string
	Overrides  map[string]string
	// Packages are attribute paths of nixpkgs.
	Packages []string
	Command  Command
}

// Shell builds or fetches the packages, puts their programs first on PATH, and
// runs the command. It returns the command's exit status.
func (n *Nix) Shell(ctx context.Context, req ShellRequest) (int, error) {
	drvs, err := n.evaluate(ctx, "nixpkgs", EvalRequest{ProjectDir: req.ProjectDir, Attrs: req.Packages, Overrides: req.Overrides})
	if err != nil {
		return 1, err
	}
	for _, d := range drvs {
		if d.Err != nil {
			return 1, d.Err
		}
	}
	built, err := n.Build(ctx, BuildRequest{Derivations: drvs})
	if err != nil {
		return 1, err
	}
	dirs := make([]string, 0, len(drvs)+1)
	for i, b := range built {
		if b.Err != nil {
			return 1, fmt.Errorf("%s: %w", b.Attr, b.Err)
		}
		dirs = append(dirs, drvs[i].Bin+"/bin")
	}
	path := strings.Join(append(dirs, os.Getenv("PATH")), ":")
	cmd := req.Command
	cmd.Env = append(cmd.Env[:len(cmd.Env):len(cmd.Env)], "PATH="+path)
	// The program is looked for on the new PATH, not on ours.
	if !strings.Contains(cmd.Path, "/") {
		cmd.Path = findProgram(cmd.Path, path)
	}
	return RunCommand(ctx, cmd)
}

func findProgram(name, path string) string {
	for _, dir := range strings.Split(path, ":") {
		file := dir + "/" + name
		if info, err := os.Stat(file); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return file
		}
	}
	return name
}
