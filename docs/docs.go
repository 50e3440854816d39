// Package docs is the manual: its pages as Markdown, and what shows them in a
// terminal, as man pages, and (package site) as web pages.
//
// A page is one of the files beside this one, a section of the README, or
// written from the tables of the program: the schema of rigx.toml and the
// explanations of errors. Pages for commands come from the command line itself
// (cmd/rigx). Nothing is read or parsed before it is asked for.
package docs

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/rigx-build/rigx"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

//go:embed environment.md exit-status.md remotes.md sources.md tutorial.md variables.md
var files embed.FS

// Page is one page of the manual.
type Page struct {
	// Name is a word: the topic of `rigx help`, the name of the file.
	Name string `json:"name"`
	// Title is the heading, Summary what the page is about in one line.
	Title   string `json:"title"`
	Summary string `json:"summary"`
	Group   Group  `json:"group"`
	// Source is the file in the repository that links in the text are relative
	// to, "" if there is none.
	Source string `json:"source,omitempty"`
	// Text is Markdown and begins with the title as its first heading.
	Text string `json:"text"`
}

// Group is a part of the manual.
type Group string

// The parts, in their order.
const (
	Guide     Group = "Guide"
	Reference Group = "Reference"
	Commands  Group = "Commands"
)

// Groups in their order.
var Groups = []Group{Guide, Reference, Commands}

// page is a row of the table of pages.
type page struct {
	name, summary string
	group         Group
	text          func() string
	// heading of the section in the README, or file beside this one.
	heading, file string
}

// pages that have a name of their own. Other sections of the README follow
// them, named after their headings.
var pages = []page{
	{name: "tutorial", summary: "ten minutes with a small program", group: Guide, file: "tutorial.md"},
	{name: "first-project", summary: "a rigx.toml to begin with", group: Guide, heading: "A first project"},
	{name: "building", summary: "how rigx builds, and when it does not need to", group: Guide, heading: "How it builds"},
	{name: "composing", summary: "projects of several files, folders and repositories", group: Guide, heading: "Composing projects"},
	{name: "capsules", summary: "containers and virtual machines of what was built", group: Guide, heading: "Capsules"},
	{name: "testbeds", summary: "networks whose links can be broken on purpose", group: Guide, heading: "Testbeds"},
	{name: "errors", summary: "what rigx says when something is wrong", group: Guide, heading: "When something is wrong"},
	{name: "developing", summary: "shells and language servers with a project's toolchain", group: Guide, heading: "Working on a project"},
	{name: "ci", summary: "checks, tests and reports in continuous integration", group: Guide, heading: "Continuous integration"},
	{name: "deploying", summary: "copying and switching what was built on other machines", group: Guide, heading: "Deploying"},
	{name: "editors", summary: "the language server, and how to set up editors", group: Guide, heading: "Editors"},
	{name: "migrating", summary: "what is different from the Python tool", group: Guide, heading: "Coming from the Python tool"},

	{name: "manifest", summary: "every section, kind and field of rigx.toml", group: Reference, text: func() string {
		return "# rigx.toml\n\n" + raise(schema.Reference())
	}},
	{name: "variables", summary: "lists that targets share", group: Reference, file: "variables.md"},
	{name: "sources", summary: "which files a target consists of", group: Reference, file: "sources.md"},
	{name: "remotes", summary: "building and fetching elsewhere", group: Reference, file: "remotes.md"},
	{name: "environment", summary: "variables that rigx reads and sets", group: Reference, file: "environment.md"},
	{name: "exit-status", summary: "what the exit statuses mean", group: Reference, file: "exit-status.md"},
	{name: "codes", summary: "every error and warning, and what to do", group: Reference, text: codes},
}

// apart are sections of the README that are no pages: what repositories have,
// and what other pages say.
var apart = []string{"Two commands", "Commands", "Reference of rigx.toml", "Licence"}

// aliases are other words for topics.
var aliases = map[string]string{
	"fields": "manifest", "rigx.toml": "manifest", "kinds": "manifest", "sections": "manifest", "vars": "variables", "globs": "sources",
	"statuses": "exit-status", "status": "exit-status", "env": "environment", "error-codes": "codes", "explain": "errors",
	"capsule": "capsules", "testbed": "testbeds", "remote": "remotes", "modules": "composing", "dependencies": "composing",
}

// Pages returns the guide and the reference.
func Pages() []Page {
	sections := readmeSections()
	var out []Page
	taken := slices.Clone(apart)
	for _, row := range pages {
		p := Page{Name: row.name, Summary: row.summary, Group: row.group}
		switch {
		case row.file != "":
			text, err := files.ReadFile(row.file)
			if err != nil {
				panic(err) // it is embedded
			}
			p.Source, p.Text = "docs/"+row.file, string(text)
		case row.heading != "":
			i := slices.IndexFunc(sections, func(s section) bool { return s.heading == row.heading })
			taken = append(taken, row.heading)
			if i < 0 {
				continue
			}
			p.Source, p.Text = "README.md", "# "+row.heading+"\n"+raise(sections[i].text)
		default:
			p.Text = row.text()
		}
		title, _, _ := strings.Cut(strings.TrimPrefix(p.Text, "# "), "\n")
		p.Title = title
		out = append(out, p)
	}
	last := slices.IndexFunc(out, func(p Page) bool { return p.Group == Reference })
	for _, s := range sections {
		if !slices.Contains(taken, s.heading) {
			out = slices.Insert(out, last, Page{
				Name: Anchor(s.heading), Title: s.heading, Summary: strings.ToLower(s.heading[:1]) + s.heading[1:], Group: Guide,
				Source: "README.md", Text: "# " + s.heading + "\n" + raise(s.text),
			})
			last++
		}
	}
	return out
}

// Lookup finds a page by its name, or by another word for it.
func Lookup(pages []Page, name string) (Page, bool) {
	name = strings.ToLower(strings.ReplaceAll(name, " ", "-"))
	if alias, ok := aliases[name]; ok {
		name = alias
	}
	i := slices.IndexFunc(pages, func(p Page) bool { return p.Name == name })
	if i < 0 {
		return Page{}, false
	}
	return pages[i], true
}

// Intro is the beginning of the README, up to its first section.
func Intro() string {
	intro, _, _ := strings.Cut(rigx.Readme, "\n## ")
	return intro
}

// section is a part of the README below a heading of the second level.
type section struct{ heading, text string }

func readmeSections() []section {
	var out []section
	fenced := false
	for line := range strings.Lines(rigx.Readme) {
		fenced = fenced != strings.HasPrefix(line, "```")
		if heading, ok := strings.CutPrefix(line, "## "); ok && !fenced {
			out = append(out, section{heading: strings.TrimSpace(heading)})
		} else if len(out) > 0 {
			out[len(out)-1].text += line
		}
	}
	return out
}

// raise lifts the headings of a text by one level.
func raise(text string) string {
	var b strings.Builder
	fenced := false
	for line := range strings.Lines(text) {
		fenced = fenced != strings.HasPrefix(line, "```")
		if strings.HasPrefix(line, "###") && !fenced {
			line = line[1:]
		}
		b.WriteString(line)
	}
	return b.String()
}

// Anchor is the anchor of a heading, as GitHub makes it.
func Anchor(heading string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == ' ':
			return '-'
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			return c
		}
		return -1
	}, heading)
}

// codes is the page of all errors and warnings.
func codes() string {
	var b strings.Builder
	b.WriteString("# Errors and warnings\n\n`rigx explain CODE` shows the same. Codes are never used again for something else.\n")
	for _, e := range diagnostic.Explanations() {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n%s\n", e.Code, strings.ToUpper(e.Title[:1])+e.Title[1:], strings.TrimSpace(e.Text))
	}
	return b.String()
}
