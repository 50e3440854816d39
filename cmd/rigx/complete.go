package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// complete makes the shell's completion offer names of the project. A project
// with errors still has names.
func (a *app) complete(root *cobra.Command) {
	for _, c := range root.Commands() {
		switch c.Name() {
		case "build", "copy", "watch", "graph":
			c.ValidArgsFunction = a.targetNames(many, buildable)
		case "deploy", "ls-source", "size", "verify", "log":
			c.ValidArgsFunction = a.targetNames(1, buildable)
		case "why":
			c.ValidArgsFunction = a.targetNames(2, buildable)
		case "test":
			c.ValidArgsFunction = a.targetNames(many, func(t *manifest.Target) bool { return t.Kind == schema.Test })
		case "run":
			c.ValidArgsFunction = a.targetNames(1, func(t *manifest.Target) bool { return schema.OnHost.Has(t.Kind) })
		case "develop":
			c.ValidArgsFunction = a.targetNames(1, func(*manifest.Target) bool { return true })
		case "explain":
			c.ValidArgsFunction = explained
		case "new":
			c.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
				if len(args) > 0 {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
				return schema.KindNames(), cobra.ShellCompDirectiveNoFileComp
			}
		case "fmt", "init":
			// Files and directories.
		default:
			c.ValidArgsFunction = cobra.NoFileCompletions
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if words := flagWords[c.Name()+" "+f.Name]; words != nil {
				_ = c.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
			}
		})
	}
	for _, name := range []string{"copy", "deploy"} {
		if c, _, err := root.Find([]string{name}); err == nil {
			_ = c.RegisterFlagCompletionFunc("to", a.remoteNames)
		}
	}
	if ide, _, err := root.Find([]string{"ide"}); err == nil {
		_ = ide.RegisterFlagCompletionFunc("variant", a.variantNames)
	}
	if n, _, err := root.Find([]string{"new"}); err == nil {
		_ = n.RegisterFlagCompletionFunc("run", a.targetNames(many, func(t *manifest.Target) bool { return t.Kind == schema.Executable }))
	}
	_ = root.RegisterFlagCompletionFunc("color", cobra.FixedCompletions([]cobra.Completion{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp))
	_ = root.RegisterFlagCompletionFunc("nixpkgs", cobra.FixedCompletions([]cobra.Completion{"host"}, cobra.ShellCompDirectiveDefault))
	_ = root.RegisterFlagCompletionFunc("remote", a.remoteNames)
}

// flagWords are the words that flags of commands take.
var flagWords = map[string][]cobra.Completion{
	"list kind":      schema.KindNames(),
	"new language":   schema.Languages,
	"check format":   {"human", "json", "sarif", "github"},
	"develop format": {"sh", "fish", "json", "direnv"},
	"develop shell":  {"bash", "zsh", "fish"},
	"graph format":   {"mermaid", "dot", "json"},
}

// many is how many names a command takes that takes any number.
const many = 1 << 30

func buildable(t *manifest.Target) bool { return t.Buildable() && t.Kind != schema.Test }

// targetNames offers the targets and variants that a command takes, with what
// they are.
func (a *app) targetNames(most int, fits func(*manifest.Target) bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ws, err := a.open(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var out []cobra.Completion
		for _, t := range ws.Manifest.Targets {
			if !fits(t) {
				continue
			}
			what := t.Text(schema.Description)
			if what == "" {
				what = t.Kind.String()
			}
			names := []string{t.Name}
			for _, v := range t.Variants {
				names = append(names, manifest.Unit{Target: t, Variant: v}.Name())
			}
			for _, name := range names {
				if strings.HasPrefix(name, typed) && !slices.Contains(args, name) {
					out = append(out, cobra.CompletionWithDesc(name, what))
				}
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

func (a *app) variantNames(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	ws, err := a.open(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []cobra.Completion
	for _, t := range ws.Manifest.Targets {
		for _, v := range t.Variants {
			if !slices.Contains(out, v.Name.Value) {
				out = append(out, v.Name.Value)
			}
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) remoteNames(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	a.remote = ""
	ws, err := a.open(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []cobra.Completion
	for _, r := range ws.Manifest.Remotes {
		out = append(out, cobra.CompletionWithDesc(r.Name.Value, r.Store.Value))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// explained offers the codes, fields and kinds that have an explanation.
func explained(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []cobra.Completion
	for _, e := range diagnostic.Explanations() {
		out = append(out, cobra.CompletionWithDesc(string(e.Code), e.Title))
	}
	for _, f := range schema.TargetFields {
		out = append(out, f.Name)
	}
	return append(out, schema.KindNames()...), cobra.ShellCompDirectiveNoFileComp
}
