package syntax

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// seeds are texts that reach most of the parser.
var seeds = []string{
	"",
	"a = 1\nb.c = \"x\"\n[t]\nd = 'lit'\n[[u.v]]\ne = [1, 2.5, true]\nf = { g = 1, h = [\"i\"] }\n",
	"s = \"\"\"\nline \\\n   joined\n\\u00e9\\t\"\" x\"\"\"\nl = '''\r\nraw\r\n'''\n",
	"dates = [1979-05-27, 07:32:00, 1979-05-27 07:32:00Z, 1979-05-27T07:32]\n",
	"n = [0x1F, 0o17, 0b11, 1_000, -1, +2, 1e3, inf, -nan, 01, 1__0, 0x]\n",
	"x = { # comment\n  a = 1,\n  b = 2,\n}\n",
	"x = [ # comment\n  \"a\", # more\n  \"b\"\n  \"c\",\n]\n",
	"a = \"open\nb = ['x, y]\n[t\nlone\nk = \n= 1\n. = 2\n",
	"a = [\n  1,\nb = 2\n[t]\nc = { d = 1\ne = 2\n",
	"[a]\ns = \"\"\"\nx\n[b]\ns = \"\"\"\ny\n\"\"\"\n",
	"\uFEFFü = \"ä\xff\x00\"\r\n\"quoted key\" = '\\'\r\n",
	"[]\n[[a]\n[a b]\n[a]]\n[a.]\nkey with spaces = 1\nport: 80\nname \"x\"\n",
}

// accepted is the opinion of go-toml: its parser judges the expressions, and
// its decoder the scalars the parser merely delimits.
func accepted(text string) bool {
	text = strings.TrimPrefix(text, byteOrderMark)
	p := unstable.Parser{}
	p.Reset([]byte(text))
	for p.NextExpression() {
		if e := p.Expression(); e.Kind == unstable.KeyValue && !acceptedValue(&p, e.Value()) {
			return false
		}
	}
	return p.Error() == nil
}

func acceptedValue(p *unstable.Parser, v *unstable.Node) bool {
	switch v.Kind {
	case unstable.Array:
		for it := v.Children(); it.Next(); {
			if !acceptedValue(p, it.Node()) {
				return false
			}
		}
	case unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			if !acceptedValue(p, it.Node().Value()) {
				return false
			}
		}
	case unstable.Integer, unstable.LocalDate, unstable.LocalTime, unstable.LocalDateTime, unstable.DateTime:
		var decoded map[string]any
		return toml.Unmarshal(append([]byte("x = "), v.Data...), &decoded) == nil
	}
	return true
}

// nesting is an upper bound of the depth of arrays and inline tables.
func nesting(text string) int { return strings.Count(text, "[") + strings.Count(text, "{") }

func FuzzParse(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { checkParse(t, text) })
}

// fragments are what FuzzFragments composes texts from: a fuzzer that changes
// bytes rarely finds whole delimiters.
var fragments = []string{
	"a", "b-1", "\"k\"", "'k'", ".", "=", " = ", "\n", "\r\n", "\r", " ", "\t", "#c", ",", "[", "]", "[[", "]]", "{", "}",
	"\"", "'", "\"\"\"", "'''", "\\", "\\n", "\\\"", "\\u00e9", "\\x41", "\\U0001F600", "\\e", "\\q",
	"1", "-2", "0x1f", "1.5", "1e3", "true", "inf", "nan", "1979-05-27", "07:32:00", "T", "Z", "+01:00", "_", "0",
	"é", "\xff", "\x00", "\x7f", ":", "[t]\n", "[[t.u]]\n", "k = 1\n", "s = \"\"\"\n", "l = [\n", "i = { ", byteOrderMark,
}

func FuzzFragments(f *testing.F) {
	f.Add([]byte("\x00\x06\x20\x07"))
	f.Fuzz(func(t *testing.T, choices []byte) {
		var b strings.Builder
		for _, c := range choices {
			b.WriteString(fragments[int(c)%len(fragments)])
		}
		checkParse(t, b.String())
	})
}

// TestRandomTexts fills beginnings and ends of valid constructs with random
// fragments, so that a good part of the texts is valid.
func TestRandomTexts(t *testing.T) {
	frames := [][2]string{
		{"", ""}, {"a = ", ""}, {"a = [", "]"}, {"a = {", "}"}, {"a = { k = 1,", "}"}, {"[", "]\n"}, {"[[", "]]"},
		{"a = \"", "\""}, {"a = '", "'"}, {"a = \"\"\"", "\"\"\"\n"}, {"a = '''", "'''"}, {"\"", "\" = 1"}, {"# ", "\n"},
	}
	random := rand.New(rand.NewPCG(1, 2))
	valid := 0
	for range 20_000 {
		var b strings.Builder
		frame := frames[random.IntN(len(frames))]
		b.WriteString(frame[0])
		for range random.IntN(8) {
			b.WriteString(fragments[random.IntN(len(fragments))])
		}
		b.WriteString(frame[1])
		if checkParse(t, b.String()) {
			valid++
		}
	}
	if valid < 2_000 {
		t.Errorf("only %d texts were valid: the test shows little", valid)
	}
}

// checkParse verifies everything that holds for any text, and reports whether
// it is valid.
func checkParse(t *testing.T, text string) (valid bool) {
	t.Helper()
	tree := Parse(text)
	checkTokens(t, tree)
	checkSpans(t, tree)
	if nesting(text) <= MaxDepth {
		if ok := accepted(text); ok != (len(tree.Errors) == 0) {
			t.Fatalf("%q: go-toml accepts it: %v, errors: %+v", text, ok, tree.Errors)
		}
	}
	if len(tree.Errors) > 0 {
		return false
	}
	checkStrings(t, tree)
	return true
}

// checkTokens verifies that the tokens are the text.
func checkTokens(t *testing.T, tree *Tree) {
	t.Helper()
	at := uint32(0)
	for token := range tree.Tokens() {
		if token.Span.Start != at || token.Span.End <= at {
			t.Fatalf("token %v starts at %d instead of %d", token.Kind, token.Span.Start, at)
		}
		at = token.Span.End
		if token.Kind == TokenInvalid && len(tree.Errors) == 0 {
			t.Fatalf("invalid token %q without an error", tree.Text[token.Span.Start:at])
		}
	}
	if int(at) != len(tree.Text) {
		t.Fatalf("the tokens end at %d of %d", at, len(tree.Text))
	}
}

// checkSpans verifies what is promised of every tree.
func checkSpans(t *testing.T, tree *Tree) {
	t.Helper()
	end := uint32(len(tree.Text))
	inside := func(what string, s, around Span) {
		if s.Start > s.End || s.Start < around.Start || s.End > around.End {
			t.Fatalf("%s %v is not inside %v", what, s, around)
		}
	}
	for i, e := range tree.Errors {
		inside("error", e.Span, Span{0, end})
		if e.Span.Len() == 0 && end > 0 {
			t.Fatalf("error %q has an empty span", e.Message)
		}
		if i > 0 && e.Span.Start < tree.Errors[i-1].Span.Start {
			t.Fatalf("error %q is not in order", e.Message)
		}
		if !utf8.ValidString(e.Message + e.Hint) {
			t.Fatalf("message %q is not UTF-8", e.Message)
		}
	}
	var value func(v Value, around Span)
	entries := func(entries []Entry, around Span) {
		after := around.Start
		for _, e := range entries {
			inside("entry", e.Span, Span{after, around.End})
			after = e.Span.End
			if len(e.Path) == 0 {
				t.Fatal("entry without a path")
			}
			for _, k := range e.Path {
				inside("key", k.Span, e.Span)
			}
			if e.Broken && len(tree.Errors) == 0 {
				t.Fatal("broken entry without an error")
			}
			value(e.Value, e.Span)
		}
	}
	value = func(v Value, around Span) {
		inside("value", v.Span, around)
		for _, item := range v.Items {
			value(item, v.Span)
		}
		entries(v.Entries, v.Span)
	}
	after := uint32(0)
	for i, table := range tree.Tables {
		inside("table", table.Span, Span{after, end})
		after = table.Span.End
		inside("header", table.Header, table.Span)
		if i > 0 && len(table.Path) == 0 {
			t.Fatal("table without a path")
		}
		for _, k := range table.Path {
			inside("key of a header", k.Span, table.Header)
		}
		entries(table.Entries, table.Span)
	}
}

// checkStrings compares the strings and keys of a valid tree with go-toml's,
// in source order.
func checkStrings(t *testing.T, tree *Tree) {
	t.Helper()
	var got, want []string
	add := func(path []Key) {
		for _, k := range path {
			got = append(got, k.Name)
		}
	}
	var value func(v Value)
	value = func(v Value) {
		switch v.Kind {
		case String:
			got = append(got, strings.ReplaceAll(v.Text, "\r\n", "\n"))
		case Array:
			for _, item := range v.Items {
				value(item)
			}
		case InlineTable:
			for _, e := range v.Entries {
				add(e.Path)
				value(e.Value)
			}
		}
	}
	for _, table := range tree.Tables {
		add(table.Path)
		for _, e := range table.Entries {
			add(e.Path)
			value(e.Value)
		}
	}

	p := unstable.Parser{}
	p.Reset([]byte(strings.TrimPrefix(tree.Text, byteOrderMark)))
	keys := func(n *unstable.Node) {
		for it := n.Key(); it.Next(); {
			want = append(want, string(it.Node().Data))
		}
	}
	var node func(n *unstable.Node)
	node = func(n *unstable.Node) {
		switch n.Kind {
		case unstable.KeyValue:
			keys(n)
			node(n.Value())
		case unstable.Table, unstable.ArrayTable:
			keys(n)
		case unstable.String:
			want = append(want, strings.ReplaceAll(string(n.Data), "\r\n", "\n"))
		case unstable.Array, unstable.InlineTable:
			for it := n.Children(); it.Next(); {
				node(it.Node())
			}
		}
	}
	for p.NextExpression() {
		node(p.Expression())
	}
	if !slices.Equal(got, want) {
		t.Fatalf("strings:\n got %q\nwant %q", got, want)
	}
}

func FuzzOffsets(f *testing.F) {
	f.Add(`"a\tb\u00e9c"`)
	f.Add("'''\r\na\r\nb'''")
	f.Add("\"\"\"\na \\\n  b\\\"\"\"\"")
	f.Add(`"open\`)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) == 0 || strings.IndexByte(`"'`, text[0]) < 0 {
			return
		}
		tree := Parse("x = " + text)
		v := tree.Tables[0].Entries[0].Value
		if v.Kind != String {
			t.Fatalf("%q is read as %s", text, v.Kind)
		}
		previous := v.Span.Start
		for i := range len(v.Text) + 1 {
			src := SourceOffset(tree.Text, v.Span, i)
			if src < previous || src > v.Span.End {
				t.Fatalf("byte %d comes from %d, the one before from %d", i, src, previous)
			}
			back, ok := DecodedOffset(tree.Text, v.Span, src)
			if !ok || back > i || back < i && src != previous {
				t.Fatalf("byte %d comes from %d, where byte %d is (%v)", i, src, back, ok)
			}
			previous = src
		}
		for off := range uint32(len(tree.Text)) + 2 {
			if i, ok := DecodedOffset(tree.Text, v.Span, off); ok && (i < 0 || i > len(v.Text)) {
				t.Fatalf("offset %d is byte %d of %d", off, i, len(v.Text))
			}
		}
	})
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a", "it's", `"`, `\`, `'"\`, "a\nb\n", "''' \"\"\"\n\n", "\r\n\n", "\x00\x7f\x1b", "\xff", "a b", "\n\n\"\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tree := Parse(QuoteKey(s) + " = " + Quote(s) + "\n")
		if len(tree.Errors) > 0 {
			t.Fatalf("%q: %+v", tree.Text, tree.Errors)
		}
		entry := tree.Tables[0].Entries[0]
		s = string([]rune(s)) // what is not UTF-8 becomes U+FFFD
		if entry.Value.Text != s || entry.Path[0].Name != s {
			t.Fatalf("%q decodes to %q and %q", tree.Text, entry.Path[0].Name, entry.Value.Text)
		}
	})
}

func FuzzFloat(f *testing.F) {
	for _, s := range []string{"1", "0x_f", "1_0.5", "-nan", "+inf", "1e9999", "-0.0", "9223372036854775808"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tree := Parse("x = " + s)
		if len(tree.Errors) > 0 || len(tree.Tables[0].Entries) == 0 {
			return
		}
		v := tree.Tables[0].Entries[0].Value
		var want map[string]any
		if err := toml.Unmarshal([]byte(tree.Text), &want); err != nil {
			return
		}
		switch x := want["x"].(type) {
		case int64:
			if n, ok := v.Int(); !ok || n != x {
				t.Fatalf("%q is %d, %v", s, n, ok)
			}
		case float64:
			if n, ok := v.Float(); !ok || n != x && !(math.IsNaN(n) && math.IsNaN(x)) {
				t.Fatalf("%q is %v, %v", s, n, ok)
			}
		case bool:
			if v.Bool() != x {
				t.Fatalf("%q is %v", s, v.Bool())
			}
		}
	})
}
