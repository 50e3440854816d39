package nix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Settings returns Nix's configuration as it holds here, as text by name.
func (n *Nix) Settings(ctx context.Context) (map[string]string, error) {
	var out, errOut bytes.Buffer
	command := []string{"show-config", "--json"}
	if n.Version.atLeast(20) && n.Version.Flavor != "Lix" {
		command = []string{"config", "show", "--json"}
	}
	if err := n.run(ctx, &out, &errOut, command...); err != nil {
		return nil, errors.New(cleanMessage(errOut.String()))
	}
	var all map[string]struct {
		Value any `json:"value"`
	}
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		return nil, fmt.Errorf("reading Nix's configuration: %w", err)
	}
	settings := make(map[string]string, len(all))
	for name, s := range all {
		settings[name] = fmt.Sprint(s.Value)
	}
	return settings, nil
}

// WriteConfiguration writes the names and texts of all files that Nix's configuration
// may be in, those that they include among them, without asking Nix:
// https://nix.dev/manual/nix/latest/command-ref/conf-file.
func WriteConfiguration(to io.Writer) {
	c := configuration{to, map[string]bool{}}
	c.file("/etc/nix/nix.conf")
	if dir := os.Getenv("NIX_CONF_DIR"); dir != "" {
		c.file(filepath.Join(dir, "nix.conf"))
	}
	dirs := filepath.SplitList(os.Getenv("XDG_CONFIG_DIRS"))
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".config"))
	}
	for _, dir := range append(dirs, os.Getenv("XDG_CONFIG_HOME"), "/etc/xdg") {
		if filepath.IsAbs(dir) {
			c.file(filepath.Join(dir, "nix", "nix.conf"))
		}
	}
	for _, file := range filepath.SplitList(os.Getenv("NIX_USER_CONF_FILES")) {
		c.file(file)
	}
	c.includes(os.Getenv("NIX_CONFIG"), "")
}

// configuration is what WriteConfiguration has written so far.
type configuration struct {
	to   io.Writer
	seen map[string]bool
}

func (c configuration) file(name string) {
	if c.seen[name] {
		return
	}
	c.seen[name] = true
	text, err := os.ReadFile(name)
	fmt.Fprintf(c.to, "%q %t %d\n%s\n", name, err == nil, len(text), text)
	c.includes(string(text), filepath.Dir(name))
}

// includes writes the files that a text of a directory includes.
func (c configuration) includes(text, dir string) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) != 2 || words[0] != "include" && words[0] != "!include" {
			continue
		}
		if name := words[1]; filepath.IsAbs(name) {
			c.file(name)
		} else {
			c.file(filepath.Join(dir, name))
		}
	}
}
