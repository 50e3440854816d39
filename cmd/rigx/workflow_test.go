package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWorkflow: the commands in the workflow for GitHub are commands, with flags
// that they have.
func TestWorkflow(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "github-workflow.yml"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range regexp.MustCompile(`(?m)^\s*(?:- run: )?rigx ([^>\n]*)`).FindAllStringSubmatch(string(data), -1) {
		// What GitHub puts in is one word, as is what the shell does.
		words := strings.Fields(strings.NewReplacer("${{ matrix.shard }}", "1", `"`, "").Replace(m[1]))
		root := (&app{}).rootCommand()
		cmd, rest, err := root.Find(words)
		if err == nil {
			err = cmd.ParseFlags(rest)
		}
		if err != nil || cmd == root {
			t.Errorf("rigx %s: %v", m[1], err)
		}
		found++
	}
	if found < 7 {
		t.Errorf("only %d commands found", found)
	}
}
