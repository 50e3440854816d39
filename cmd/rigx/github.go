package main

import (
	"errors"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rigx-build/rigx/engine"
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/problem"
)

// inGitHub reports whether this is a step of GitHub Actions.
func inGitHub() bool { return os.Getenv("GITHUB_ACTIONS") == "true" }

// githubPrefix is the project's directory relative to the repository's.
func githubPrefix(ws *engine.Workspace) string {
	rel, err := filepath.Rel(os.Getenv("GITHUB_WORKSPACE"), ws.Dir())
	if err != nil || !filepath.IsLocal(rel) || rel == "." {
		return ""
	}
	return filepath.ToSlash(rel)
}

// ciOutcome is what a step of continuous integration shows of a target.
type ciOutcome struct {
	name     string
	target   *manifest.Target // nil if it is not the project's
	err      error            // nil if it went well
	cached   bool
	log      string
	problems []problem.Problem
	took     time.Duration
}

// tellGitHub annotates the lines that compilers and tests complained about, or
// else the target in rigx.toml, and adds to the summary of the job.
func (a *app) tellGitHub(ws *engine.Workspace, verb string, outcomes []ciOutcome) {
	if !inGitHub() || len(outcomes) == 0 {
		return
	}
	annotations := diagnostic.GitHubAnnotations{W: a.err, Prefix: githubPrefix(ws)}
	said := map[problem.Problem]bool{} // several variants complain about the same
	for _, o := range outcomes {
		errorsShown := false
		for _, p := range o.problems {
			severity := diagnostic.Warning
			if p.Severity == problem.Error {
				severity, errorsShown = diagnostic.Error, true
			}
			if p.Severity != problem.Note && !said[p] {
				said[p] = true
				_ = annotations.Add(diagnostic.GitHubAnnotation{Severity: severity, File: p.File, Line: p.Line, Column: p.Column, Title: o.name, Message: p.Message})
			}
		}
		if o.err != nil && !errorsShown {
			at := diagnostic.GitHubAnnotation{Severity: diagnostic.Error, Title: verb + " " + o.name, Message: o.err.Error()}
			if o.target != nil {
				place := o.target.Local.At.File.Position(o.target.Local.At.Span.Start)
				at.File, at.Line = o.target.Local.At.File.Name, place.Line+1
			}
			_ = annotations.Add(at)
		}
	}
	_ = annotations.Close("see the log of this step")
	if file := os.Getenv("GITHUB_STEP_SUMMARY"); file != "" {
		if err := appendSummary(file, githubSummary(verb, outcomes, summaryRoom(file))); err != nil && !a.quiet {
			fmt.Fprintf(a.err, "[rigx] the summary of the job is not written: %v\n", err)
		}
	}
}

// GitHub shows nothing of a summary longer than 1 MiB. A single log is worth
// less.
const (
	longestSummary    = 1<<20 - 4096
	longestSummaryLog = 32 << 10
)

// summaryRoom is how many bytes may still be added to a summary.
func summaryRoom(file string) int {
	if info, err := os.Stat(file); err == nil {
		return max(0, longestSummary-int(info.Size()))
	}
	return longestSummary
}

func appendSummary(file, text string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// githubSummary is a table of what was done, the failures first, and the logs of
// those, as Markdown of at most room bytes.
func githubSummary(verb string, outcomes []ciOutcome, room int) string {
	failed := 0
	var rows [2]strings.Builder // failures, successes
	var logs strings.Builder
	for _, o := range outcomes {
		result, at := "✅", &rows[1]
		switch {
		case o.err != nil:
			failed++
			result, at = "❌ "+markdownCell(firstLine(o.err.Error())), &rows[0]
			writeSummaryLog(&logs, o)
		case o.cached:
			result = "✅ up to date"
		}
		fmt.Fprintf(at, "| `%s` | %s | %s |\n", markdownCell(o.name), result, o.took.Round(time.Millisecond))
	}
	head := fmt.Sprintf("### rigx %s: %d of %s failed\n\n| target | result | time |\n| --- | --- | --- |\n", verb, failed, count(len(outcomes), "target"))
	const more = "\nThe rest is left out: GitHub shows 1 MiB at most.\n\n"
	text := head + rows[0].String() + rows[1].String() + "\n" + logs.String()
	if len(text) <= room {
		return text
	}
	if room < len(head)+len(more) {
		return ""
	}
	cut := strings.LastIndexByte(text[:room-len(more)], '\n') + 1
	text = text[:cut]
	if strings.Count(text, "<details>") > strings.Count(text, "</details>") {
		text = text[:strings.LastIndex(text, "<details>")]
	}
	return text + more
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func markdownCell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(s)
}

func writeSummaryLog(b *strings.Builder, o ciOutcome) {
	log := problem.Plain(strings.TrimRight(o.log, "\n"))
	if log == "" {
		return
	}
	if len(log) > longestSummaryLog {
		log = "…" + log[len(log)-longestSummaryLog:]
	}
	fence := "```"
	for strings.Contains(log, fence) {
		fence += "`"
	}
	fmt.Fprintf(b, "<details><summary>%s</summary>\n\n%s\n%s\n%s\n\n</details>\n\n", html.EscapeString(o.name), fence, log, fence)
}
