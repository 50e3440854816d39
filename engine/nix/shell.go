package nix

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// Programs builds or fetches packages of nixpkgs, and returns the directories
// of their programs. Of the request, Attrs are attribute paths of nixpkgs.
func (n *Nix) Programs(ctx context.Context, req EvalRequest) (dirs []string, err error) {
	drvs, err := n.evaluate(ctx, "nixpkgs", req)
	if err != nil {
		return nil, err
	}
	for _, d := range drvs {
		if d.Err != nil {
			return nil, d.Err
		}
	}
	built, err := n.Build(ctx, BuildRequest{Derivations: drvs})
	if err != nil {
		return nil, err
	}
	for i, b := range built {
		if b.Err != nil {
			return nil, fmt.Errorf("%s: %w", b.Attr, b.Err)
		}
		dirs = append(dirs, drvs[i].Bin+"/bin")
	}
	return dirs, nil
}

// WithPrograms is the command with directories of programs first on its PATH.
func (c Command) WithPrograms(dirs []string) Command {
	if len(dirs) == 0 {
		return c
	}
	path := strings.Join(append(dirs[:len(dirs):len(dirs)], os.Getenv("PATH")), ":")
	c.Env = append(c.Env[:len(c.Env):len(c.Env)], "PATH="+path)
	// The program is looked for on the new PATH, not on ours.
	if !strings.Contains(c.Path, "/") {
		c.Path = findProgram(c.Path, path)
	}
	return c
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
