package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The recipes of package managers, with places such as @VERSION@ for what only a
// release knows.
const (
	formula = "packaging/homebrew/rigx.rb"
	recipe  = "packaging/nixpkgs/package.nix"
)

// recipes writes those of Homebrew and nixpkgs.
func (r *release) recipes(ctx context.Context) error {
	known := map[string]string{"VERSION": r.version}
	for _, line := range r.sums {
		for _, p := range platforms {
			if strings.HasSuffix(line, fmt.Sprintf("  rigx-%s-%s-%s.tar.gz\n", r.version, p.os, p.arch)) {
				known[p.String()] = line[:64]
			}
		}
	}
	tmp, err := os.MkdirTemp("", "rigx-release-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	if known["SOURCE"], err = sourceHash(ctx, filepath.Join(tmp, "source")); err != nil {
		return err
	}
	if known["VENDOR"], err = vendorHash(ctx, filepath.Join(tmp, "vendor")); err != nil {
		return err
	}
	for _, name := range []string{formula, recipe} {
		text, err := filled(name, known)
		if err != nil {
			return err
		}
		if err := r.write(filepath.Base(name), text); err != nil {
			return err
		}
	}
	return nil
}

// filled reads a recipe, leaves out the first line, which says how it is filled
// in, and fills it in.
func filled(name string, known map[string]string) ([]byte, error) {
	data, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	_, text, _ := strings.Cut(string(data), "\n")
	for place, value := range known {
		text = strings.ReplaceAll(text, "@"+place+"@", value)
	}
	return []byte(text), nil
}

// sourceHash is what fetchFromGitHub of nixpkgs gets for the commit.
func sourceHash(ctx context.Context, dir string) (string, error) {
	archive, err := exec.CommandContext(ctx, "git", "archive", "--format=tar", "HEAD").Output()
	if err != nil {
		return "", fmt.Errorf("git archive: %w", err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	tar := exec.CommandContext(ctx, "tar", "-x", "-C", dir)
	tar.Stdin = bytes.NewReader(archive)
	if err := tar.Run(); err != nil {
		return "", fmt.Errorf("tar: %w", err)
	}
	return narHash(dir)
}

// vendorHash is what buildGoModule of nixpkgs gets for the modules.
func vendorHash(ctx context.Context, dir string) (string, error) {
	if _, err := command(ctx, []string{"GOFLAGS="}, "go", "mod", "vendor", "-o", dir); err != nil {
		return "", err
	}
	return narHash(dir)
}
