package diagnostic

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Style holds the escape sequences around the parts of a rendered diagnostic.
// The zero Style is plain text.
type Style struct {
	Error, Warning, Help, Frame, Bold, Reset string
}

// Colors is the style for terminals that show colours.
var Colors = Style{
	Error: "\x1b[1;31m", Warning: "\x1b[1;33m", Help: "\x1b[36m", Frame: "\x1b[34m", Bold: "\x1b[1m", Reset: "\x1b[0m",
}

func (s Style) severity(sev Severity) string {
	if sev == Warning {
		return s.Warning
	}
	return s.Error
}

// longestLine is how many columns of a source line are shown; a script on one
// line may be megabytes long.
const longestLine = 160

// Render writes a diagnostic as people read it:
//
//	error[E0203]: unknown target `gret` in deps.internal
//	  --> rigx.toml:14:19
//	   |
//	14 | deps.internal = ["gret"]
//	   |                   ^^^^ did you mean `greet`?
//	   = help: rigx explain E0203
//
// Columns count characters from one.
func Render(d *Diagnostic, style Style) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s[%s]%s%s: %s%s\n", style.severity(d.Severity), d.Severity, d.Code, style.Reset, style.Bold, clean(d.Message), style.Reset)
	gutter := "  "
	if !d.At.IsZero() {
		gutter = excerpt(&b, d.At, d.Label, style.severity(d.Severity), style)
	}
	for _, r := range d.Related {
		if !r.At.IsZero() {
			pos := r.At.File.Position(r.At.Span.Start)
			fmt.Fprintf(&b, "%s%s=%s note: %s (%s:%d)\n", gutter, style.Frame, style.Reset, r.Message, r.At.File.Name, pos.Line+1)
		}
	}
	for _, h := range d.Help {
		fmt.Fprintf(&b, "%s%s=%s help: %s\n", gutter, style.Frame, style.Reset, clean(h))
	}
	fmt.Fprintf(&b, "%s%s=%s help: %srigx explain %s%s\n", gutter, style.Frame, style.Reset, style.Help, d.Code, style.Reset)
	return b.String()
}

// Brief writes a diagnostic on a line, as compilers do:
//
//	rigx.toml:6:1: warning[W0002]: unknown key `cflag` in target `hello`; did you mean `cflags`?
func Brief(d *Diagnostic, style Style) string {
	var b strings.Builder
	if !d.At.IsZero() {
		line, column := startOf(d.At)
		fmt.Fprintf(&b, "%s:%d:%d: ", d.At.File.Name, line, column)
	}
	fmt.Fprintf(&b, "%s%s[%s]%s: %s", style.severity(d.Severity), d.Severity, d.Code, style.Reset, clean(d.Message))
	if d.Label != "" {
		b.WriteString("; " + clean(d.Label))
	}
	return b.String() + "\n"
}

// startOf is where a place begins, in lines and characters from one.
func startOf(at Location) (line, column int) {
	p := at.File.Position(at.Span.Start)
	text := at.File.Line(p.Line)
	return p.Line + 1, utf8.RuneCountInString(text[:min(p.Column, len(text))]) + 1
}

// excerpt writes the place and its line, and returns the margin for what
// follows.
func excerpt(b *strings.Builder, at Location, label, color string, style Style) string {
	from := at.File.Position(at.Span.Start)
	to := at.File.Position(at.Span.End)
	line := at.File.Line(from.Line)
	number := fmt.Sprint(from.Line + 1)
	margin := strings.Repeat(" ", len(number))
	atLine, atColumn := startOf(at)
	fmt.Fprintf(b, "%s%s-->%s %s:%d:%d\n", margin, style.Frame, style.Reset, at.File.Name, atLine, atColumn)
	if at.Span.Len() == 0 && strings.TrimSpace(line) == "" {
		return margin + " "
	}
	end := len(line)
	if to.Line == from.Line {
		end = min(to.Column, len(line))
	}
	start := min(from.Column, end)
	shown, before, marked := window(line, start, end)
	fmt.Fprintf(b, "%s %s|%s\n", margin, style.Frame, style.Reset)
	fmt.Fprintf(b, "%s%s |%s %s\n", style.Frame, number, style.Reset, shown)
	fmt.Fprintf(b, "%s %s|%s %s%s%s", margin, style.Frame, style.Reset, before, color, strings.Repeat("^", max(marked, 1)))
	if label != "" {
		fmt.Fprintf(b, " %s", clean(label))
	}
	fmt.Fprintf(b, "%s\n", style.Reset)
	return margin + " "
}

// window cuts a long line around the marked part. It returns what to show, the
// white space that leads to the mark (tabs kept, so that both lines align),
// and how many columns the mark has.
func window(line string, start, end int) (shown, before string, marked int) {
	prefix, suffix := "", ""
	if len(line) > longestLine {
		from := runeBegin(line, max(0, start-longestLine/2))
		to := runeBegin(line, min(len(line), from+longestLine))
		if from > 0 {
			prefix = "…"
		}
		if to < len(line) {
			suffix = "…"
		}
		end = min(end, to)
		line, start, end = line[from:to], start-from, end-from
	}
	shown = prefix + clean(line) + suffix
	lead := []rune(prefix + line[:start])
	for i, c := range lead {
		if c != '\t' {
			lead[i] = ' '
		}
	}
	return shown, string(lead), utf8.RuneCountInString(line[start:max(start, end)])
}

// runeBegin is the begin of the character that a byte belongs to. Bytes that are
// no UTF-8 stand for themselves.
func runeBegin(line string, at int) int {
	for back := range min(utf8.UTFMax, at) {
		if at < len(line) && utf8.RuneStart(line[at-back]) {
			return at - back
		}
	}
	return at
}

// clean keeps control characters of a hostile file from reaching the terminal.
func clean(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '\n' {
			return ' '
		}
		if c < ' ' && c != '\t' || c == 0x7f || c >= 0x80 && c < 0xa0 {
			return '\uFFFD'
		}
		return c
	}, s)
}
