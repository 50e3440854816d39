package analysis

import (
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
	"github.com/rigx-build/rigx/engine/source"
)

// CompletionKind says what a completion is, for its icon.
type CompletionKind uint8

// The kinds of completions.
const (
	SectionCompletion CompletionKind = iota
	FieldCompletion
	ValueCompletion
	TargetCompletion
	VariableCompletion
	DependencyCompletion
	FileCompletion
	FolderCompletion
)

// A Completion is something that may be written at the cursor.
type Completion struct {
	Kind CompletionKind
	// Label is shown, Detail beside it, Doc (Markdown) when it is chosen.
	Label, Detail, Doc string
	// Target is the qualified name of a target, which [Snapshot.DescribeTarget]
	// says more about.
	Target string
	// Package is the attribute path of a package of nixpkgs.
	Package string
	// Span is replaced by Text. It begins before the cursor and ends behind it.
	Span syntax.Span
	Text string
	// Snippet texts have the places to fill in as $1, ${1:name}.
	Snippet bool
}

// Completions are what may be written at the cursor, the likeliest first.
type Completions struct {
	Items []Completion
	// More is set if there is more that fits, so that it pays to ask again once
	// more is typed.
	More bool
}

// maxCompletions is the most that are listed. If there would be more, those are
// that have the letters typed so far in their order.
const maxCompletions = 500

// Complete lists what may stand at an offset. All that fits the place is
// listed, whatever was typed: editors filter by that.
func (s *Snapshot) Complete(file *syntax.File, offset uint32) Completions {
	c := At(file, offset)
	w := completer{s: s, c: c, m: s.owner(file), target: s.Target(c)}
	if w.m == nil {
		return Completions{}
	}
	if w.target != nil {
		if of := s.Files().Of(w.target.First()); of != nil {
			w.language = of.Language
		}
	}
	w.complete()
	return Completions{w.out, w.more}
}

func (w *completer) complete() {
	c := w.c
	if inComment(c.File, c.Offset) {
		return
	}
	switch {
	case c.InHeader && c.Key != nil:
		w.header()
	case c.InHeader:
	case c.Key != nil:
		w.keys(syntax.Span{Start: w.entryStart(), End: c.Key.Span.End})
	case c.Value == nil:
		if strings.TrimSpace(w.lineBefore()) == "" {
			here := syntax.Span{Start: c.Offset, End: c.Offset}
			w.keys(here)
			w.sections(here, "[", "]")
		}
	default:
		w.value()
	}
	w.limit()
}

// limit leaves what matches best if there is too much to list.
func (w *completer) limit() {
	if len(w.out) <= maxCompletions {
		return
	}
	text := w.c.File.Tree.Text
	w.out = slices.DeleteFunc(w.out, func(c Completion) bool {
		typed := strings.Trim(text[c.Span.Start:w.c.Offset], "\"'[")
		return !hasLetters(c.Label, typed)
	})
	w.more = true
	w.out = w.out[:min(len(w.out), maxCompletions)]
}

func inComment(file *syntax.File, offset uint32) bool {
	comments := file.Tree.Comments()
	i := sort.Search(len(comments), func(i int) bool { return comments[i].End >= offset })
	return i < len(comments) && comments[i].Start < offset
}

type completer struct {
	s      *Snapshot
	c      Cursor
	m      *manifest.Manifest
	target *manifest.Target
	// language of the target, if it is known.
	language string
	out      []Completion
	more     bool
}

// lineBefore is the cursor's line up to the cursor.
func (w *completer) lineBefore() string {
	text := w.c.File.Tree.Text[:w.c.Offset]
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// lineAfter is the rest of the cursor's line.
func (w *completer) lineAfter(from uint32) string {
	line, _, _ := strings.Cut(w.c.File.Tree.Text[from:], "\n")
	return line
}

func (w *completer) add(c Completion) { w.out = append(w.out, c) }

// header completes the name between [ and ].
func (w *completer) header() {
	path := w.c.Path
	span := syntax.Span{Start: path[0].Span.Start, End: w.c.Key.Span.End}
	closing := ""
	if !strings.Contains(w.lineAfter(w.c.Offset), "]") {
		closing = "]"
	}
	offer := func(kind CompletionKind, label, text, doc string) {
		w.add(Completion{Kind: kind, Label: label, Doc: doc, Span: span, Text: text + closing, Snippet: true})
	}
	written := func(n int) string { return syntax.QuotePath(path[:n]) + "." }
	switch {
	case len(path) == 1 || len(path) == 2 && path[0].Name != "targets":
		w.sections(span, "", closing)
	case len(path) == 2:
		for _, t := range w.m.Targets {
			if t.Local.At.File == w.c.File {
				offer(TargetCompletion, "targets."+t.Local.Value+".variants.<name>", "targets."+snippetText(syntax.QuoteKey(t.Local.Value))+".variants.${1:name}", "")
			}
		}
	case len(path) == 3 && path[0].Name == "targets":
		offer(SectionCompletion, "variants.<name>", snippetText(written(2))+"variants.${1:name}", "A variant: what it sets is added to the target, or takes its place.")
	case len(path) == 4 && path[2].Name == "variants":
		for _, name := range w.variantNames() {
			offer(ValueCompletion, name, snippetText(written(3)+syntax.QuoteKey(name)), "")
		}
	}
}

// sections offers the headers of new tables.
func (w *completer) sections(span syntax.Span, open, closing string) {
	offer := func(label, text, doc string) {
		w.add(Completion{Kind: SectionCompletion, Label: open + label + strings.Repeat("]", len(open)), Doc: doc, Span: span, Text: open + text + closing, Snippet: true})
	}
	offer("targets.<name>", "targets.${1:name}", schema.DescribeTargets())
	for _, sec := range schema.Sections {
		text := sec.Name
		if sec.Entries {
			text += ".${1:name}"
		} else if w.hasTable(sec.Name) {
			continue
		}
		offer(strings.Trim(sec.Header(), "[]"), text, schema.DescribeSection(sec))
	}
}

func (w *completer) hasTable(name string) bool {
	return slices.ContainsFunc(w.s.File(w.c.File.Path).Tree.Tables, func(t syntax.Table) bool {
		return syntax.JoinKeys(t.Path) == name
	})
}

// variantNames are those that other targets have, and the usual ones.
func (w *completer) variantNames() []string {
	names := []string{"debug", "release"}
	for _, t := range w.m.Targets {
		for _, v := range t.Variants {
			if !slices.Contains(names, v.Name.Value) {
				names = append(names, v.Name.Value)
			}
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return w.target != nil && w.target.Variant(name) != nil })
}

// snippetText protects text from being read as a snippet.
func snippetText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "$", `\$`, "}", `\}`).Replace(s)
}

// entryStart is where the key that the cursor is in begins, with what stands
// before it on the line: deps in deps.internal.
func (w *completer) entryStart() uint32 {
	own := w.c.Path
	if w.c.Value == nil && len(w.c.Table.Path) < len(own) {
		own = own[len(w.c.Table.Path):]
	}
	start := w.c.Key.Span.Start
	for _, k := range own {
		if k.Span.Start < start && w.c.File.Position(k.Span.Start).Line == w.c.File.Position(start).Line {
			start = k.Span.Start
		}
	}
	return start
}

// keys completes the fields of the table that the cursor is in.
func (w *completer) keys(span syntax.Span) {
	table := w.c.Path
	if w.c.Key != nil {
		table = table[:len(table)-1]
	}
	// The parts of the key that are replaced are not a table of their own.
	for len(table) > 0 && table[len(table)-1].Span.Start >= span.Start && table[len(table)-1].Span.Start < w.c.Offset && !w.inTableHeader(table[len(table)-1]) {
		table = table[:len(table)-1]
	}
	set := map[string]bool{}
	names := make([]string, len(table))
	for i, k := range table {
		names[i] = k.Name
	}
	p := placeOf(names)
	var fields []*schema.Field
	prefix := ""
	switch {
	case len(names) == 0:
		fields = []*schema.Field{schema.Include}
	case p.Records != nil && p.Field == p.Records:
		if p.Records.Type == schema.NamedRecords && p.Entry == "" {
			return // a name of the user's choosing
		}
		fields = p.Records.Fields
		w.setMembers(set, p)
	case p.Target != "":
		fields = w.targetFields(p)
		if n := len(names); n > 2 && (n != 4 || names[2] != "variants") {
			prefix = names[n-1] + "."
		}
		w.setFields(set, p)
	case p.Section != nil && p.Field == nil && (!p.Section.Entries || p.Entry != ""):
		fields = p.Section.Fields
		for _, e := range w.c.Table.Entries {
			set[syntax.JoinKeys(e.Path)] = true
		}
	}
	for _, f := range fields {
		name, ok := strings.CutPrefix(f.Name, prefix)
		if !ok || set[f.Name] || set[name] {
			continue
		}
		w.add(w.field(f, name, span))
	}
}

func (w *completer) inTableHeader(k syntax.Key) bool {
	return w.c.Table.Header.Len() > 0 && w.c.Table.Header.Start <= k.Span.Start && k.Span.End <= w.c.Table.Header.End
}

// targetFields are the fields of the target's kind; without a kind, kind comes
// first and then all.
func (w *completer) targetFields(p Place) []*schema.Field {
	fields := schema.TargetFields
	if p.Variant != "" {
		fields = schema.VariantFields
	}
	if w.target == nil || w.target.Kind == schema.NoKind {
		return fields
	}
	return slices.DeleteFunc(slices.Clone(fields), func(f *schema.Field) bool {
		return !f.Kinds.Has(w.target.Kind) || f.Languages != nil && w.language != "" && !slices.Contains(f.Languages, w.language)
	})
}

// setFields notes what the target or variant has already, but not what is
// being typed.
func (w *completer) setFields(set map[string]bool, p Place) {
	if w.target == nil {
		return
	}
	fields := &w.target.Fields
	if p.Variant != "" {
		v := w.target.Variant(p.Variant)
		if v == nil {
			return
		}
		fields = &v.Fields
	}
	for _, v := range fields.Values() {
		if !touches(v.Key.Span, w.c.Offset) {
			set[v.Field.Name] = true
		}
	}
}

// setMembers notes what the table of a Records or NamedRecords field has.
func (w *completer) setMembers(set map[string]bool, p Place) {
	if w.target == nil {
		return
	}
	for _, r := range w.target.Records(p.Records) {
		at := r.Name.At.Span
		here := at.Start <= w.c.Offset && w.c.Offset <= at.End || at == w.c.Table.Header
		if p.Entry != "" {
			here = r.Name.Value == p.Entry
		}
		if !here {
			continue
		}
		for _, v := range r.Values() {
			if !touches(v.Key.Span, w.c.Offset) {
				set[v.Field.Name] = true
			}
		}
	}
}

func (w *completer) field(f *schema.Field, name string, span syntax.Span) Completion {
	c := Completion{Kind: FieldCompletion, Label: name, Detail: f.Type.String(), Doc: schema.Describe(f), Span: span, Text: name}
	if strings.HasPrefix(strings.TrimLeft(w.lineAfter(span.End), " \t"), "=") {
		return c
	}
	c.Snippet = true
	switch {
	case f.Content == schema.Script && strings.HasSuffix(f.Name, "script"):
		c.Text += " = \"\"\"\n$1\n\"\"\""
	case f.Type == schema.String:
		c.Text += ` = "$1"`
	case f.Type == schema.Strings:
		c.Text += ` = ["$1"]`
	case f.Type == schema.Bool && f.Default == "true":
		c.Text += " = ${1|false,true|}"
	case f.Type == schema.Bool:
		c.Text += " = ${1|true,false|}"
	case f.Type == schema.Volumes:
		c.Text += ` = [{ host = "$1", container = "$2" }]`
	case f.Type == schema.Ports:
		c.Text += " = [$1]"
	case f.Type == schema.Records:
		c.Text += " = [{ $1 }]"
	case f.Type == schema.Integer, f.Type == schema.Number, f.Type == schema.Rate, f.Type == schema.Port:
		c.Text += " = $1"
	default:
		c.Text += " = { $1 }"
	}
	return c
}

// value completes a value, or a name in one.
func (w *completer) value() {
	v := w.c.Value
	p := w.c.Place()
	if v.Kind == syntax.InlineTable {
		before := strings.TrimRight(w.c.File.Tree.Text[v.Span.Start:w.c.Offset], " \t\r\n")
		if strings.HasSuffix(before, "{") || strings.HasSuffix(before, ",") {
			w.keys(syntax.Span{Start: w.c.Offset, End: w.c.Offset})
		}
		return
	}
	if p.Field == nil {
		return
	}
	here := syntax.Span{Start: w.c.Offset, End: w.c.Offset}
	switch v.Kind {
	case syntax.String:
		w.text(p)
	case syntax.Missing, syntax.Invalid, syntax.Boolean:
		span := v.Span
		if v.Kind == syntax.Missing {
			span = here
		}
		if p.Field.Type == schema.Bool {
			for _, word := range []string{"true", "false"} {
				w.add(Completion{Kind: ValueCompletion, Label: word, Span: span, Text: word})
			}
			return
		}
		open, closing := `"`, `"`
		if p.Field.Type == schema.Strings {
			open, closing = `["`, `"]`
		}
		w.quoted(p, span, open, closing)
	case syntax.Array:
		before := strings.TrimRight(w.c.File.Tree.Text[v.Span.Start:w.c.Offset], " \t\r\n")
		if strings.HasSuffix(before, "[") || strings.HasSuffix(before, ",") {
			w.quoted(p, here, `"`, `"`)
		}
	}
}

// quoted offers whole strings.
func (w *completer) quoted(p Place, span syntax.Span, open, closing string) {
	from := len(w.out)
	w.candidates(p, "", span)
	for i := from; i < len(w.out); i++ {
		w.out[i].Text = open + w.out[i].Text + closing
	}
}

// text completes what stands in a string: a name in ${…}, a variable, or what
// the field holds.
func (w *completer) text(p Place) {
	v, text := w.c.Value, w.c.File.Tree.Text
	at, ok := syntax.DecodedOffset(text, v.Span, w.c.Offset)
	if !ok {
		return
	}
	typed := v.Text[:min(at, len(v.Text))]
	if p.Field.Interpolated {
		if open := strings.LastIndex(typed, "${"); open >= 0 && !strings.ContainsAny(typed[open:], "} \n\"'") {
			w.references(open+2, at)
			return
		}
	}
	if p.Field.Content == schema.Script {
		return
	}
	end := syntax.SourceOffset(text, v.Span, len(v.Text))
	if w.c.File.Position(end).Line != w.c.File.Position(w.c.Offset).Line || end < w.c.Offset {
		end = w.c.Offset
	}
	// The line break behind """ is no content, but the cursor may be before it.
	start := min(syntax.SourceOffset(text, v.Span, 0), w.c.Offset)
	w.candidates(p, typed, syntax.Span{Start: start, End: end})
}

// references offers what ${…} can name. from and at are offsets in the decoded
// string: behind the brace, and at the cursor.
func (w *completer) references(from, at int) {
	v, text := w.c.Value, w.c.File.Tree.Text
	end := at
	for end < len(v.Text) && !strings.ContainsRune("} \n\t\"'/:;,$", rune(v.Text[end])) {
		end++
	}
	closing := "}"
	if end < len(v.Text) && v.Text[end] == '}' {
		closing = ""
	}
	span := syntax.Span{Start: syntax.SourceOffset(text, v.Span, from), End: syntax.SourceOffset(text, v.Span, end)}
	first := len(w.out)
	w.targetNames(nil, span, true)
	for _, g := range w.m.Git {
		w.add(Completion{Kind: DependencyCompletion, Label: g.Name.Value, Detail: "git dependency", Span: span, Text: g.Name.Value})
	}
	for _, in := range w.m.External {
		for _, b := range in.Buckets {
			name := in.Name.Value + "." + b.Name.Value
			w.add(Completion{Kind: DependencyCompletion, Label: name, Detail: "external input", Span: span, Text: name})
		}
	}
	for _, pkg := range w.usedPackages() {
		w.add(Completion{Kind: DependencyCompletion, Label: "pkgs." + pkg, Detail: "nixpkgs", Span: span, Text: "pkgs." + pkg})
	}
	for i := first; i < len(w.out); i++ {
		w.out[i].Text += closing
	}
}

// candidates offers what the strings of a field may be.
func (w *completer) candidates(p Place, typed string, span syntax.Span) {
	f := p.Field
	for _, value := range f.Values {
		c := Completion{Kind: ValueCompletion, Label: value, Span: span, Text: value}
		if f == schema.KindField {
			c.Doc = schema.DescribeKind(schema.ParseKind(value))
		}
		w.add(c)
	}
	switch f.Content {
	case schema.Targets:
		w.targetNames(f, span, false)
	case schema.NodeNames:
		if w.target != nil {
			for _, n := range w.target.Records(schema.Nodes) {
				w.add(Completion{Kind: VariableCompletion, Label: n.Name.Value, Detail: "node", Span: span, Text: n.Name.Value})
			}
			w.add(Completion{Kind: VariableCompletion, Label: schema.HostNode, Detail: "the script itself", Span: span, Text: schema.HostNode})
		}
	case schema.GitDeps:
		for _, g := range w.m.Git {
			w.add(Completion{Kind: DependencyCompletion, Label: g.Name.Value, Detail: g.URL.Value, Span: span, Text: g.Name.Value})
		}
	case schema.Externals:
		for _, in := range w.m.External {
			w.add(Completion{Kind: DependencyCompletion, Label: in.Name.Value, Span: span, Text: in.Name.Value})
		}
	case schema.Nixpkgs:
		w.packageNames(typed, span)
	case schema.Paths, schema.Dirs:
		w.paths(p, typed, span)
	}
	for _, word := range usualValues[f] {
		w.add(Completion{Kind: ValueCompletion, Label: word, Span: span, Text: word})
	}
	if p.Target != "" && f.Type == schema.Strings && (typed == "" || strings.HasPrefix(typed, "$")) {
		for _, v := range w.m.Vars {
			w.add(Completion{
				Kind: VariableCompletion, Label: "$vars." + v.Name.Value, Doc: w.s.describeVariable(v.Name.Value),
				Span: span, Text: "$vars." + v.Name.Value,
			})
		}
	}
	w.dropListed()
}

// dropListed takes out what stands in the list already.
func (w *completer) dropListed() {
	list := w.c.List
	if w.c.Value.Kind == syntax.Array {
		list = w.c.Value
	}
	if list == nil {
		return
	}
	w.out = slices.DeleteFunc(w.out, func(c Completion) bool {
		return slices.ContainsFunc(list.Items, func(v syntax.Value) bool {
			return v.Kind == syntax.String && v.Text == c.Label && v.Span != w.c.Value.Span
		})
	})
}

// usualValues are offered for fields that take others too.
var usualValues = map[*schema.Field][]string{
	schema.Compiler:      {"clang", "gcc"},
	schema.Target:        {"aarch64-linux", "armv7-linux", "x86_64-linux-musl", "x86_64-windows"},
	schema.PythonVersion: {"3.11", "3.12", "3.13"},
}

// fits reports whether a target can be named in a field, or in ${…} if that is
// nil.
func fits(t *manifest.Target, f *schema.Field) bool {
	switch f {
	case schema.NodeCapsule:
		return t.Kind == schema.Capsule
	case schema.TestbedField:
		return t.Kind == schema.Testbed && len(t.Records(schema.Nodes)) > 0
	}
	return t.Buildable() && t.Kind != schema.Test
}

// targetNames offers the targets that the cursor's target can depend on.
func (w *completer) targetNames(f *schema.Field, span syntax.Span, inBraces bool) {
	for _, t := range w.m.Targets {
		if w.target != nil && t.Name == w.target.Name || !fits(t, f) {
			continue
		}
		name := t.Name
		if w.target != nil && w.target.Module != nil && w.target.Module == t.Module {
			name = t.Local.Value
		}
		c := Completion{Kind: TargetCompletion, Label: name, Detail: t.Kind.String(), Target: t.Name, Span: span, Text: name}
		w.add(c)
		for _, v := range t.Variants {
			separator := "@"
			if inBraces {
				separator = "-"
			}
			c.Label = name + separator + v.Name.Value
			c.Text = c.Label
			w.add(c)
		}
	}
	for _, dep := range w.m.Local {
		if dep.Manifest == nil {
			continue
		}
		for _, t := range dep.Manifest.Targets {
			if fits(t, f) && f != schema.TestbedField {
				name := dep.Name.Value + "." + t.Name
				w.add(Completion{Kind: TargetCompletion, Label: name, Detail: t.Kind.String(), Span: span, Text: name})
			}
		}
	}
}

// usedPackages are the packages of nixpkgs that the project mentions.
func (w *completer) usedPackages() []string {
	seen := map[string]bool{}
	for _, t := range w.m.Targets {
		for _, e := range t.Edges {
			if e.Kind == manifest.ToNixpkgs && (w.s.packages == nil || w.s.packages.Has(e.Name)) {
				seen[e.Name] = true
			}
		}
	}
	out := make([]string, 0, len(seen))
	for name := range seen {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// paths offers the files and folders of the directory that is being typed.
func (w *completer) paths(p Place, typed string, span syntax.Span) {
	dir := ""
	switch {
	case w.target != nil:
		dir = w.target.Dir()
	case p.Target != "" || p.Section == nil && p.Field != schema.Include:
		return
	}
	if w.m != w.s.Manifest {
		return // the tree is that of the open project
	}
	above, _ := path.Split(typed)
	rel, err := source.Clean(dir + above + ".")
	if err != nil {
		return
	}
	if rel == "." {
		rel = ""
	}
	for _, name := range w.s.tree.List(rel) {
		if slices.Contains(source.DefaultIgnored, name) {
			continue
		}
		isDir := w.s.tree.IsDir(path.Join(rel, name))
		c := Completion{Kind: FileCompletion, Label: above + name, Span: span, Text: above + name}
		if isDir {
			c.Kind = FolderCompletion
			if p.Field.Content == schema.Paths {
				c.Text += "/"
			}
		} else if p.Field.Content == schema.Dirs {
			continue
		}
		w.add(c)
	}
}

// PlainText is a snippet's text without the places to fill in.
func PlainText(snippet string) string {
	var b strings.Builder
	for i := 0; i < len(snippet); i++ {
		switch c := snippet[i]; {
		case c == '\\' && i+1 < len(snippet):
			i++
			b.WriteByte(snippet[i])
		case c == '$' && i+1 < len(snippet) && snippet[i+1] == '{':
			end := strings.IndexByte(snippet[i:], '}')
			inside := snippet[i+2 : i+end]
			if _, choices, ok := strings.Cut(inside, "|"); ok {
				inside, _, _ = strings.Cut(choices, ",")
			} else {
				_, inside, _ = strings.Cut(inside, ":")
			}
			b.WriteString(inside)
			i += end
		case c == '$' && i+1 < len(snippet) && snippet[i+1] >= '0' && snippet[i+1] <= '9':
			i++
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
