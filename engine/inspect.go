package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// Targets returns the named targets, of any kind, or all of them. A variant in
// a name is accepted and makes no difference.
func (w *Workspace) Targets(names []string) ([]*manifest.Target, error) {
	if len(names) == 0 {
		return w.Manifest.Targets, nil
	}
	out := make([]*manifest.Target, 0, len(names))
	for _, name := range names {
		base, variant, hasVariant := strings.Cut(name, "@")
		t := w.Manifest.Target(base)
		if t == nil {
			return nil, unknownTarget(name, w.Manifest)
		}
		if hasVariant && t.Variant(variant) == nil {
			return nil, unknownVariant(t, variant)
		}
		out = append(out, t)
	}
	return out, nil
}

// SourceFiles lists the files of a target's source, relative to the root. For
// a target that sees the whole tree these are all files of the tree.
func (w *Workspace) SourceFiles(ctx context.Context, name string) ([]string, error) {
	targets, err := w.Targets([]string{name})
	if err != nil {
		return nil, err
	}
	if err := w.Valid(ctx); err != nil {
		return nil, err
	}
	u := targets[0].First()
	if _, variant, ok := strings.Cut(name, "@"); ok {
		u.Variant = u.Target.Variant(variant)
	}
	files := w.Files.Of(u)
	if files == nil {
		return nil, &Error{Code: diagnostic.NotBuildable, Message: "`" + name + "` runs on the host and has no source of its own"}
	}
	if files.Src.Whole {
		return w.tree.WholeTree(), nil
	}
	return files.Src.Files, nil
}

// Explain returns the documentation of an error code, a field, a kind or a
// section, as Markdown.
func Explain(what string) (string, bool) {
	if e, ok := diagnostic.Explain(what); ok {
		return fmt.Sprintf("%s: %s\n\n%s\n", e.Code, e.Title, strings.TrimSpace(e.Text)), true
	}
	var parts []string
	for _, f := range schema.Lookup(what) {
		parts = append(parts, schema.Describe(f))
	}
	if k := schema.ParseKind(what); k != schema.NoKind {
		parts = append(parts, schema.DescribeKind(k))
	}
	if s := schema.SectionNamed(strings.Trim(what, "[]")); s != nil {
		parts = append(parts, schema.DescribeSection(s))
	}
	return strings.Join(slices.Compact(parts), "\n"), len(parts) > 0
}

// Explainable lists everything that [Explain] knows.
func Explainable() []string {
	var names []string
	for _, e := range diagnostic.Explanations() {
		names = append(names, string(e.Code))
	}
	names = append(names, schema.Names(schema.TargetFields)...)
	for _, sec := range schema.Sections {
		names = append(names, sec.Name)
		names = append(names, schema.Names(sec.Fields)...)
	}
	return append(names, schema.KindNames()...)
}
