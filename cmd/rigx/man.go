package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/rigx-build/rigx/docs"
	"github.com/rigx-build/rigx/engine"
)

// serverPage is the man page of the other program.
const serverPage = `# rigx-ls

## Synopsis

` + "```\nrigx-ls [--version]\n```" + `

## Description

rigx-ls is the language server for rigx.toml. Editors start it and speak the Language Server Protocol
with it on its standard input and output; the guide to editors, rigx-editors(7), says how to set
them up.

## See also

rigx(1), rigx-editors(7)
`

// writeManPages writes the whole manual into a directory.
func writeManPages(root *cobra.Command, dir, date string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	write := func(name string, section int, p docs.Page) error {
		m := docs.ManPage{Name: name, Section: section, Summary: p.Summary, Version: engine.Version, Date: date}
		return os.WriteFile(filepath.Join(dir, m.File()), []byte(docs.Man(m, p.Text)), 0o644)
	}
	pages := docs.Pages()
	for _, p := range commandPages(root) {
		if p.Name == "rigx" {
			p.Text += seeAlso(pages)
		}
		if err := write(p.Name, 1, p); err != nil {
			return err
		}
	}
	if err := write("rigx-ls", 1, docs.Page{Summary: "language server for rigx.toml", Text: serverPage}); err != nil {
		return err
	}
	for _, p := range pages {
		name, section := "rigx-"+p.Name, 7
		if p.Name == "manifest" {
			name, section = "rigx.toml", 5
		}
		if err := write(name, section, p); err != nil {
			return err
		}
	}
	return nil
}

// seeAlso names the other pages at the end of rigx(1).
func seeAlso(pages []docs.Page) string {
	text := "\n## See also\n\nrigx.toml(5), rigx-ls(1)"
	for _, p := range pages {
		if p.Name != "manifest" {
			text += ", rigx-" + p.Name + "(7)"
		}
	}
	return text + "\n"
}
