package diagnostic

import (
	"fmt"
	"io"
	"path"
	"strings"
)

// The limits of GitHub: how many annotations of each severity it shows for a
// step, and how long, in bytes, the text of one is worth being.
const (
	githubLimit   = 10
	githubLongest = 4 << 10
)

// GitHubAnnotations writes workflow commands, which GitHub shows beside the
// lines that they are about. What is beyond GitHub's limits is counted, so that
// it is not lost without a word.
type GitHubAnnotations struct {
	// Prefix is the project's directory relative to the repository's.
	Prefix string
	W      io.Writer
	count  [2]int
}

// GitHubAnnotation is one of them. Line and Column count from 1; a zero Line
// means the file, an empty File nothing in particular.
type GitHubAnnotation struct {
	Severity       Severity
	File           string
	Line, Column   int
	Title, Message string
}

// Add writes an annotation unless there are too many.
func (g *GitHubAnnotations) Add(a GitHubAnnotation) error {
	g.count[a.Severity]++
	if g.count[a.Severity] > githubLimit {
		return nil
	}
	var properties []string
	if a.File != "" {
		properties = append(properties, "file="+githubProperty(path.Join(g.Prefix, a.File)))
	}
	if a.Line > 0 {
		properties = append(properties, fmt.Sprintf("line=%d", a.Line))
	}
	if a.Column > 0 {
		properties = append(properties, fmt.Sprintf("col=%d", a.Column))
	}
	properties = append(properties, "title="+githubProperty(a.Title))
	message := a.Message
	if len(message) > githubLongest {
		message = strings.ToValidUTF8(message[:githubLongest], "") + "…"
	}
	_, err := fmt.Fprintf(g.W, "::%s %s::%s\n", a.Severity, strings.Join(properties, ","), githubData(message))
	return err
}

// Close says how many were not shown, and where to see them.
func (g *GitHubAnnotations) Close(where string) error {
	more := max(0, g.count[Error]-githubLimit) + max(0, g.count[Warning]-githubLimit)
	if more == 0 {
		return nil
	}
	_, err := fmt.Fprintf(g.W, "::notice::%d more findings are not shown; %s\n", more, where)
	return err
}

// WriteGitHub writes ds as annotations. prefix is the project's directory
// relative to the repository's.
func WriteGitHub(w io.Writer, ds []*Diagnostic, prefix string) error {
	annotations := GitHubAnnotations{W: w, Prefix: prefix}
	for _, d := range ds {
		message := d.Message
		if d.Label != "" {
			message += "; " + d.Label
		}
		for _, h := range d.Help {
			message += "\nhelp: " + h
		}
		p := place(d.At)
		a := GitHubAnnotation{Severity: d.Severity, File: p.File, Line: p.Line, Column: p.Column, Title: string(d.Code), Message: message}
		if err := annotations.Add(a); err != nil {
			return err
		}
	}
	return annotations.Close("run rigx check")
}

var githubEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")

func githubData(s string) string { return githubEscapes.Replace(s) }

func githubProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(githubData(s))
}
