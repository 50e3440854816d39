package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rigx-build/rigx/engine"
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.out, "rigx "+engine.Version)
			return err
		},
	}
}

// affectedUsage is what --affected of several commands does.
const affectedUsage = "only targets that are touched since a revision of git (`REV`)"

// listedTarget is a target in `rigx list --json`.
type listedTarget struct {
	Name        string   `json:"name"`
	Kind        string   `json:"kind"`
	Description string   `json:"description,omitempty"`
	Variants    []string `json:"variants,omitempty"`
	File        string   `json:"file"`
	Line        int      `json:"line"`

	at manifest.Location
}

// place computes file and line, which needs the lines of the file counted.
func (l *listedTarget) place() {
	l.File = l.at.File.Name
	l.Line = l.at.File.Position(l.at.Span.Start).Line + 1
}

func (a *app) listCommand() *cobra.Command {
	var kind, affected string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the targets",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ws, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			if kind != "" && schema.ParseKind(kind) == schema.NoKind {
				return unknownKind(kind)
			}
			// What is known is listed all the same: editors complete names while their
			// user is writing another target.
			invalid := a.complain(ws)
			if invalid != nil {
				invalid = errors.Join(invalid, errListed)
			}
			targets := listed(ws.Manifest, "", kind)
			if affected != "" && invalid == nil {
				keep, err := ws.Affected(cmd.Context(), affected)
				if err != nil {
					return err
				}
				targets = slices.DeleteFunc(targets, func(l listedTarget) bool {
					t := ws.Manifest.Target(l.Name)
					return t == nil || !keep(t)
				})
			}
			if asJSON {
				for i := range targets {
					targets[i].place()
				}
				return errors.Join(a.writeJSON(targets), invalid)
			}
			return errors.Join(a.writeList(targets), invalid)
		},
	}
	cmd.Flags().StringVar(&kind, "kind", "", "only targets of this `KIND`")
	cmd.Flags().StringVar(&affected, "affected", "", affectedUsage)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return cmd
}

func unknownKind(kind string) error {
	e := &engine.Error{Code: diagnostic.UnknownKind, Message: "unknown kind `" + kind + "`"}
	if near := diagnostic.Closest(kind, schema.KindNames()); near != "" {
		e.Help = []string{"did you mean `" + near + "`?"}
	} else {
		e.Help = []string{"kinds are: " + strings.Join(schema.KindNames(), ", ")}
	}
	return e
}

// complain fails on a manifest with errors. Missing files do not matter to
// commands that only show what is declared.
func (a *app) complain(ws *engine.Workspace) error {
	ds := ws.Manifest.Diagnostics()
	if errors, _ := diagnostic.Count(ds); errors > 0 {
		return &engine.InvalidError{Diagnostics: ds, Manifest: ws.Manifest}
	}
	return nil
}

// mostWarned is how many warnings precede what was asked for.
const mostWarned = 5

// warn says what seems to be wrong with a project that can be built: whoever never asks
// `rigx check` would not hear of a key that means nothing.
func (a *app) warn(ctx context.Context, ws *engine.Workspace) {
	if a.quiet || ws.Valid(ctx) != nil {
		return
	}
	warnings := ws.Warnings(ctx)
	for i, d := range warnings {
		if i == mostWarned {
			fmt.Fprintf(a.err, "and %s more: `rigx check` shows all\n", count(len(warnings)-i, "warning"))
			return
		}
		fmt.Fprint(a.err, diagnostic.Brief(d, a.style()))
	}
}

// listed collects the targets of a project, then those of its local
// dependencies under their prefix.
func listed(m *manifest.Manifest, prefix, kind string) []listedTarget {
	out := make([]listedTarget, 0, len(m.Targets))
	for _, t := range m.Targets {
		if kind != "" && t.Kind.String() != kind {
			continue
		}
		row := listedTarget{
			Name: prefix + t.Name, Kind: t.Kind.String(), Description: t.Text(schema.Description), at: t.Local.At,
		}
		for _, v := range t.Variants {
			row.Variants = append(row.Variants, v.Name.Value)
		}
		slices.Sort(row.Variants)
		out = append(out, row)
	}
	for _, dep := range m.Local {
		if dep.Manifest != nil {
			out = append(out, listed(dep.Manifest, prefix+dep.Name.Value+".", kind)...)
		}
	}
	return out
}

func (a *app) writeJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func (a *app) writeList(targets []listedTarget) error {
	w := bufio.NewWriter(a.out)
	for _, t := range targets {
		w.WriteString("  " + t.Name + " [" + t.Kind + "]")
		if len(t.Variants) > 0 {
			w.WriteString(" variants: " + strings.Join(t.Variants, ", "))
		}
		w.WriteByte('\n')
	}
	return w.Flush()
}

func (a *app) graphCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "graph [TARGET…]",
		Short: "Draw what targets depend on",
		Long:  "Draw the dependency graph of the named targets, or of all, as Mermaid (which GitHub renders), Graphviz or JSON.",
		RunE: func(cmd *cobra.Command, args []string) error {
			ws, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			if err := a.complain(ws); err != nil {
				return err
			}
			roots, err := ws.Targets(args)
			if err != nil {
				return err
			}
			g := ws.Manifest.Graph(roots)
			switch format {
			case "mermaid":
				_, err = fmt.Fprint(a.out, g.Mermaid())
			case "dot":
				_, err = fmt.Fprint(a.out, g.Dot())
			case "json":
				err = a.writeJSON(g.JSON())
			default:
				err = usageError{fmt.Errorf("unknown format %q; use mermaid, dot or json", format)}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&format, "format", "mermaid", "`FORMAT` is mermaid, dot or json")
	return cmd
}

func (a *app) checkCommand() *cobra.Command {
	var strict bool
	var format string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Report everything that is wrong with rigx.toml, without Nix",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(diagnostic.Formats, format) {
				return usageError{fmt.Errorf("unknown format %q; use %s", format, strings.Join(diagnostic.Formats, ", "))}
			}
			ws, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			ds := ws.Diagnostics(cmd.Context())
			if strict {
				for _, d := range ds {
					d.Severity = diagnostic.Error
				}
			}
			style := diagnostic.Style{}
			if a.colored(a.out) {
				style = diagnostic.Colors
			}
			if format == "github" {
				err = diagnostic.WriteGitHub(a.out, ds, githubPrefix(ws))
			} else {
				err = diagnostic.Write(a.out, format, ds, style)
			}
			if err != nil {
				return err
			}
			errs, warnings := diagnostic.Count(ds)
			if format == "human" && !a.quiet {
				fmt.Fprintf(a.out, "%s, %s\n", count(errs, "error"), count(warnings, "warning"))
			}
			if errs > 0 {
				return exitStatus(statusUsage)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "warnings are errors")
	cmd.Flags().StringVar(&format, "format", "human", "`FORMAT` is human, json, sarif or github")
	return cmd
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain CODE|FIELD|KIND",
		Short: "Explain an error code, a field or a kind, offline",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			text, ok := engine.Explain(args[0])
			if !ok {
				hint := "try a code such as E0203, a field such as deps.internal, a kind, or a section"
				if near := diagnostic.Closest(args[0], engine.Explainable()); near != "" {
					hint = "did you mean `" + near + "`?"
				}
				return usageError{fmt.Errorf("nothing is known of `%s`; %s", args[0], hint)}
			}
			_, err := fmt.Fprint(a.out, text)
			return err
		},
	}
}

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of rigx.toml",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.writeJSON(schema.JSONSchema())
		},
	}
}

func (a *app) flakeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "flake",
		Short: "Print the generated flake.nix",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ws, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			return ws.Flake(cmd.Context(), a.out)
		},
	}
}

func (a *app) lsSourceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ls-source TARGET",
		Short: "List the files that a target's source consists of",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ws, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			files, err := ws.SourceFiles(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			w := bufio.NewWriter(a.out)
			for _, f := range files {
				w.WriteString(f)
				w.WriteByte('\n')
			}
			return w.Flush()
		},
	}
}
