package nix

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// PathInfo is what Nix knows of a store path.
type PathInfo struct {
	Path string `json:"path"`
	// NarSize in bytes.
	NarSize    int64    `json:"narSize"`
	References []string `json:"references"`
	Deriver    string   `json:"deriver"`
}

// Name of the path, without its hash.
func (p PathInfo) Name() string { return PathName(p.Path) }

// PathName is the name in a store path: "hello-1.0" of "/nix/store/…-hello-1.0".
func PathName(path string) string {
	base := path[strings.LastIndexByte(path, '/')+1:]
	if _, name, ok := strings.Cut(base, "-"); ok && len(base) > 33 && base[32] == '-' {
		return name
	}
	return base
}

// Closure lists some store paths and all that they refer to, each once, sorted
// by path.
func (n *Nix) Closure(ctx context.Context, paths ...string) ([]PathInfo, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	var out, errOut bytes.Buffer
	args := []string{"path-info", "--json", "--recursive"}
	if n.store != "" {
		args = append(args, "--store", n.store)
	}
	if err := n.run(ctx, &out, &errOut, append(args, paths...)...); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("nix path-info: %s", cleanMessage(errOut.String()))
	}
	infos, err := decodePathInfo(out.Bytes())
	if err != nil {
		return nil, fmt.Errorf("reading the answer of nix path-info: %w", err)
	}
	slices.SortFunc(infos, func(a, b PathInfo) int { return strings.Compare(a.Path, b.Path) })
	return infos, nil
}

// decodePathInfo reads a list, as Nix printed it up to 2.18 and Lix does, or an
// object with the paths as keys.
func decodePathInfo(data []byte) ([]PathInfo, error) {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		var list []PathInfo
		return list, json.Unmarshal(data, &list)
	}
	var byPath map[string]*PathInfo
	if err := json.Unmarshal(data, &byPath); err != nil {
		return nil, err
	}
	var list []PathInfo
	for path, info := range byPath {
		if info != nil {
			info.Path = path
			list = append(list, *info)
		}
	}
	return list, nil
}

// Log returns what a derivation's builder printed when it last ran here.
func (n *Nix) Log(ctx context.Context, drvPath string) (string, error) {
	var out bytes.Buffer
	err := n.storeCommand(ctx, &out, "--read-log", drvPath)
	return out.String(), err
}

// keptBuild finds, as older Nix says it, the directory that a builder worked in, which
// Nix keeps with what it made of the second build.
var keptBuild = lazily(`keeping build directory '(/[^']*/nix-build-[^/']+\.drv-[0-9]+)'`)

// Check builds a derivation that is built already once more. It returns where
// the second result lies if that differs from the first, "" if it does not.
func (n *Nix) Check(ctx context.Context, drvPath string) (differing string, err error) {
	var errOut bytes.Buffer
	args := []string{"--realise", drvPath, "--check", "--keep-failed"}
	if needsNoBuildUsers() {
		args = append(args, "--option", "build-users-group", "")
	}
	for i := 0; i+2 < len(n.args); i++ {
		if n.args[i] == "--option" && (n.args[i+1] == "sandbox-paths" || n.args[i+1] == "substituters") {
			args = append(args, n.args[i:i+3]...)
		}
	}
	status, err := RunCommand(ctx, Command{Path: n.beside("nix-store"), Args: args, Stdout: &bytes.Buffer{}, Stderr: &errOut})
	if err != nil || status == 0 {
		return "", err
	}
	text := errOut.String()
	// With a daemon it is not ours to remove. A builder may print anything: what is
	// removed has the name of a build of this derivation.
	kept := keptBuild().FindStringSubmatch(text)
	if kept != nil && strings.HasPrefix(filepath.Base(kept[1]), "nix-build-"+DerivationName(drvPath)+".drv-") {
		os.RemoveAll(kept[1])
	}
	for _, word := range strings.Fields(strings.NewReplacer("'", " ", `"`, " ", "‘", " ", "’", " ").Replace(text)) {
		if strings.HasSuffix(word, ".check") && strings.HasPrefix(word, "/") {
			return word, nil
		}
	}
	return "", fmt.Errorf("%s", cleanMessage(text))
}
