package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/rigx-build/rigx/docs"
	"github.com/rigx-build/rigx/engine"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
)

// helpCommand takes the place of cobra's: it knows the pages of the manual, too.
func (a *app) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND|TOPIC]",
		Short: "Show the manual: of a command, or of a topic such as manifest, offline",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				if err := root.Help(); err != nil {
					return err
				}
				a.listTopics()
				return nil
			}
			if cmd, rest, err := root.Find(args); err == nil && len(rest) == 0 && cmd != root {
				cmd.InitDefaultHelpFlag()
				return cmd.Help()
			}
			return a.topic(strings.Join(args, " "), root)
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var out []cobra.Completion
			for _, p := range docs.Pages() {
				out = append(out, cobra.CompletionWithDesc(p.Name, p.Summary))
			}
			for _, c := range root.Commands() {
				if !c.Hidden {
					out = append(out, cobra.CompletionWithDesc(c.Name(), c.Short))
				}
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// listTopics follows the help of rigx itself.
func (a *app) listTopics() {
	fmt.Fprint(a.out, "\nTopics of `rigx help TOPIC`:\n")
	group := docs.Group("")
	for _, p := range docs.Pages() {
		if p.Group != group {
			fmt.Fprintln(a.out)
			group = p.Group
		}
		fmt.Fprintf(a.out, "  %-14s %s\n", p.Name, p.Summary)
	}
	fmt.Fprint(a.out, "\nAny code, field, kind or section is a topic, too, such as E0203 or deps.nixpkgs.\n")
}

// topic writes a page of the manual, or what `rigx explain` says.
func (a *app) topic(name string, root *cobra.Command) error {
	pages := docs.Pages()
	text := ""
	if p, ok := docs.Lookup(pages, name); ok {
		text = p.Text
	} else if explanation, ok := engine.Explain(name); ok {
		text = explanation
	} else {
		known := engine.Explainable()
		for _, p := range pages {
			known = append(known, p.Name)
		}
		for _, c := range root.Commands() {
			known = append(known, c.Name())
		}
		hint := "`rigx help` lists commands and topics"
		if near := diagnostic.Closest(name, known); near != "" {
			hint = "did you mean `" + near + "`?"
		}
		return usageError{fmt.Errorf("there is no help on `%s`; %s", name, hint)}
	}
	style := docs.Style{}
	if a.colored(a.out) {
		style = docs.Colors
	}
	_, err := io.WriteString(a.out, docs.Terminal(text, columns(a.out), style))
	return err
}

// columns is how wide a text should be: as the terminal, within what reads well.
func columns(w io.Writer) int {
	const usual, most = 80, 100
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			return min(width, most)
		}
	}
	return usual
}

// manCommand writes the manual for packages of distributions, and for the web.
func (a *app) manCommand(root *cobra.Command) *cobra.Command {
	var asJSON bool
	var date string
	cmd := &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual as man pages into DIR",
		Long:   "Write the manual as man pages into DIR: rigx(1), one page for each command, rigx.toml(5), and rigx-TOPIC(7).",
		Hidden: true,
		Args:   cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case asJSON:
				return a.writeJSON(append(docs.Pages(), commandPages(root)...))
			case len(args) == 0:
				return usageError{fmt.Errorf("say where to: rigx man DIR")}
			}
			return writeManPages(root, args[0], date)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write all pages as JSON to standard output instead")
	cmd.Flags().StringVar(&date, "date", "", "the `DATE` of the release, as YYYY-MM-DD")
	return cmd
}

// visible lists a command's subcommands that the manual shows. What cobra says of
// each shell is in the help of `rigx completion` itself.
func visible(cmd *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	if cmd.Name() == "completion" {
		return nil
	}
	for _, c := range cmd.Commands() {
		if !c.Hidden && c.Name() != "help" {
			out = append(out, c)
		}
	}
	return out
}

// commandPages are the pages of all commands.
func commandPages(root *cobra.Command) []docs.Page {
	out := []docs.Page{rootPage(root)}
	var walk func(*cobra.Command)
	walk = func(parent *cobra.Command) {
		for _, c := range visible(parent) {
			out = append(out, commandPage(c))
			walk(c)
		}
	}
	walk(root)
	return out
}

// pageName is the name of a command's page: rigx-capsule-start.
func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func shortSummary(c *cobra.Command) string {
	return strings.TrimSuffix(strings.ToLower(c.Short[:1])+c.Short[1:], ".")
}

func rootPage(root *cobra.Command) docs.Page {
	var b strings.Builder
	b.WriteString("# rigx\n\n## Synopsis\n\n```\nrigx COMMAND [FLAGS] [ARGUMENTS]\n```\n\n## Description\n\n" + root.Long + "\n\n## Commands\n\n")
	b.WriteString("| | |\n| --- | --- |\n")
	for _, c := range visible(root) {
		fmt.Fprintf(&b, "| [`rigx %s`](%s.md) | %s |\n", c.Name(), pageName(c), c.Short)
	}
	b.WriteString("\n## Flags of all commands\n\n")
	flagTable(&b, root.PersistentFlags())
	return docs.Page{Name: "rigx", Title: "rigx", Summary: "a build system around one declarative file, on top of Nix", Group: docs.Commands, Text: b.String()}
}

func commandPage(c *cobra.Command) docs.Page {
	var b strings.Builder
	long := c.Long
	if long == "" {
		long = c.Short + "."
	}
	use := c.UseLine()
	if c.HasAvailableSubCommands() && !c.Runnable() {
		use = c.CommandPath() + " COMMAND"
	}
	fmt.Fprintf(&b, "# %s\n\n## Synopsis\n\n```\n%s\n```\n\n## Description\n\n%s\n", c.CommandPath(), strings.Replace(use, "[flags]", "[FLAGS]", 1), long)
	if subcommands := visible(c); len(subcommands) > 0 {
		b.WriteString("\n## Commands\n\n| | |\n| --- | --- |\n")
		for _, s := range subcommands {
			fmt.Fprintf(&b, "| [`%s`](%s.md) | %s |\n", s.CommandPath(), pageName(s), s.Short)
		}
	}
	if own := c.LocalNonPersistentFlags(); own.HasAvailableFlags() {
		b.WriteString("\n## Flags\n\n")
		flagTable(&b, own)
	}
	if c.Example != "" {
		b.WriteString("\n## Examples\n\n```\n" + strings.TrimRight(c.Example, "\n") + "\n```\n")
	}
	b.WriteString("\nFlags of all commands are on the page of [rigx](rigx.md).\n")
	return docs.Page{Name: pageName(c), Title: c.CommandPath(), Summary: shortSummary(c), Group: docs.Commands, Text: b.String()}
}

func flagTable(b *strings.Builder, set *pflag.FlagSet) {
	b.WriteString("| flag | |\n| --- | --- |\n")
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name, meaning, _ := strings.Cut(describeFlag(f), ": ")
		fmt.Fprintf(b, "| %s | %s. |\n", name, strings.ReplaceAll(strings.ToUpper(meaning[:1])+meaning[1:], "|", `\|`))
	})
}

// describeFlag is a flag and what it does, as Markdown.
func describeFlag(f *pflag.Flag) string {
	name, usage := pflag.UnquoteUsage(f)
	text := "--" + f.Name
	if f.Shorthand != "" {
		text = "-" + f.Shorthand + ", " + text
	}
	if name != "" {
		text += " " + name
	}
	return "`" + text + "`: " + usage
}
