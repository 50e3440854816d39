package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestReadme keeps the README's commands what the program has.
func TestReadme(t *testing.T) {
	const begin, end = "<!-- The commands are written by `go test ./cmd/rigx -update`. -->\n", "<!-- End of the commands. -->\n"
	path := filepath.Join("..", "..", "README.md")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(data), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the commands", path)
	}
	want := before + begin + "\n" + commands() + "\n" + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Errorf("%s is not what the program says; -update writes it:\n%s", path, diff)
	}
}

// commands lists all commands with their flags, as Markdown.
func commands() string {
	var b strings.Builder
	root := (&app{}).rootCommand()
	b.WriteString("| command | | flags of its own |\n| --- | --- | --- |\n")
	for _, c := range shown(root) {
		use := strings.TrimSuffix(c.UseLine(), " [flags]")
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.ReplaceAll(use, "|", `\|`), c.Short, flags(c.LocalNonPersistentFlags()))
	}
	b.WriteString("\nFlags of all commands:\n\n")
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) { b.WriteString("- " + describeFlag(f) + "\n") })
	return b.String()
}

// shown are the commands that users call: of groups of commands their members.
func shown(parent *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	for _, c := range parent.Commands() {
		switch {
		case c.Hidden || c.Name() == "help" || c.Name() == "completion":
		case c.HasSubCommands():
			out = append(out, shown(c)...)
		default:
			out = append(out, c)
		}
	}
	return out
}

func flags(set *pflag.FlagSet) string {
	var out []string
	set.VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			out = append(out, describeFlag(f))
		}
	})
	return strings.Join(out, "<br>")
}
