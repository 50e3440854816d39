// Package problem finds what compilers, interpreters and tests complain about
// in the output of a build, and which file of the project it is about.
//
//	s := problem.NewScanner(exists)
//	for each line { s.Line(line) }
//	for _, p := range s.Problems() { … }
//
// It reads what GCC and Clang (and the many tools that write like them), rustc,
// Go, Zig, Nim and Python print, and the failures of common test frameworks.
// What is about files outside the project, such as headers of a library, is
// left out.
package problem

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Severity of a problem.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Problem is one complaint.
type Problem struct {
	// File is relative to the project, with forward slashes.
	File string `json:"file"`
	// Line and Column count from 1; a Column of 0 means the whole line.
	Line     int      `json:"line"`
	Column   int      `json:"column,omitempty"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
}

// MaxProblems is how many are kept of one output.
const MaxProblems = 200

// Scanner reads the output of one build, line by line.
type Scanner struct {
	*patterns
	exists   func(file string) bool
	problems []Problem
	places   map[string]string // what a printed path leads to
	// pending is a message whose place comes on a later line, as rustc does it.
	pending *Problem
	// frame is the last place of a Python traceback in the project.
	frame *Problem
}

// NewScanner returns a scanner. exists tells whether a path, relative to the
// project with forward slashes, is a file of it.
func NewScanner(exists func(file string) bool) *Scanner {
	return &Scanner{patterns: forms(), exists: exists, places: map[string]string{}}
}

// Problems found so far, in order, each once.
func (s *Scanner) Problems() []Problem { return slices.Clone(s.problems) }

// patterns are what the lines of tools look like. Most runs of rigx build
// nothing and need none of them.
type patterns struct {
	// GCC, Clang, Zig and the like: file:line:column: error: message
	colons *regexp.Regexp
	// Go: file:line:column: message
	plain *regexp.Regexp
	// rustc: error[E0425]: message, and below it --> file:line:column
	rustHead, rustPlace *regexp.Regexp
	// Rust: thread 'main' panicked at src/main.rs:2:5: with the message below
	rustPanic *regexp.Regexp
	// Nim: file(line, column) Error: message
	nim *regexp.Regexp
	// Python: File "file", line 3, in f, and at the end the exception
	pythonFrame, pythonEnd *regexp.Regexp
	// assert of C: program: file:line: function: Assertion `x' failed.
	assertion *regexp.Regexp
	// GoogleTest and Catch2: file:line: Failure, file:line: FAILED:
	failure *regexp.Regexp
}

var forms = sync.OnceValue(func() *patterns {
	return &patterns{
		colons:      regexp.MustCompile(`^\s*([^\s:][^:]*):(\d+):(?:(\d+):)? (fatal error|error|warning|note): (.*)$`),
		plain:       regexp.MustCompile(`^\s*(?:vet: )?([^\s:][^:]*\.[A-Za-z]+):(\d+)(?::(\d+))?: (.+)$`),
		rustHead:    regexp.MustCompile(`^(error|warning)(?:\[[A-Z]\d+\])?: (.+)$`),
		rustPlace:   regexp.MustCompile(`^\s*--> (.+?):(\d+):(\d+)$`),
		rustPanic:   regexp.MustCompile(`panicked at (.+?):(\d+):(\d+):?$`),
		nim:         regexp.MustCompile(`^\s*(.+?)\((\d+), (\d+)\) (Error|Warning|Hint): (.*)$`),
		pythonFrame: regexp.MustCompile(`^\s*File "(.+)", line (\d+)`),
		pythonEnd:   regexp.MustCompile(`^([A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit|Iteration|Fault)\b.*)$`),
		assertion:   regexp.MustCompile(`^\S+: (.+?):(\d+): (.*Assertion .* failed\.?)$`),
		failure:     regexp.MustCompile(`^\s*(.+?):(\d+): (Failure|FAILED:?)\s*$`),
	}
})

// escapes are the sequences that colour text or make links of it.
var escapes = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]|\x1b\\]8;;[^\x07\x1b]*(\x07|\x1b\\\\)|\x1b\\(B")
})

// Line reads the next line of the output.
func (s *Scanner) Line(line string) {
	if len(s.problems) >= MaxProblems || len(line) > 4096 {
		return
	}
	line = strings.TrimRight(Plain(line), " \r\n")
	if s.continued(line) {
		return
	}
	switch {
	case s.match(s.rustHead, line, func(m []string) {
		s.pending = &Problem{Severity: Severity(m[1]), Message: m[2]}
	}):
	case s.match(s.rustPanic, line, func(m []string) {
		s.pending = &Problem{Severity: Error, Message: "panicked"}
		s.pending.File, s.pending.Line, s.pending.Column = m[1], number(m[2]), number(m[3])
	}):
	case s.match(s.pythonFrame, line, func(m []string) {
		if file := s.locate(m[1]); file != "" {
			s.frame = &Problem{File: file, Line: number(m[2]), Severity: Error}
		}
	}):
	case s.match(s.colons, line, func(m []string) {
		severity := Severity(strings.TrimPrefix(m[4], "fatal "))
		s.add(Problem{m[1], number(m[2]), number(m[3]), severity, m[5]})
	}):
	case s.match(s.nim, line, func(m []string) {
		severity := map[string]Severity{"Error": Error, "Warning": Warning, "Hint": Note}[m[4]]
		s.add(Problem{m[1], number(m[2]), number(m[3]), severity, m[5]})
	}):
	case s.match(s.assertion, line, func(m []string) {
		s.add(Problem{m[1], number(m[2]), 0, Error, m[3]})
	}):
	case s.match(s.failure, line, func(m []string) {
		s.add(Problem{m[1], number(m[2]), 0, Error, "the test failed here"})
	}):
	case s.match(s.plain, line, func(m []string) {
		s.add(Problem{m[1], number(m[2]), number(m[3]), Error, m[4]})
	}):
	}
}

func (s *Scanner) match(form *regexp.Regexp, line string, found func(m []string)) bool {
	m := form.FindStringSubmatch(line)
	if m != nil {
		found(m)
	}
	return m != nil
}

// continued uses a line to finish what a line above began.
func (s *Scanner) continued(line string) bool {
	if p := s.pending; p != nil && p.File == "" {
		if s.match(s.rustPlace, line, func(m []string) { p.File, p.Line, p.Column = m[1], number(m[2]), number(m[3]) }) {
			s.pending = nil
			s.add(*p)
			return true
		}
		if !strings.HasPrefix(strings.TrimSpace(line), "|") && line != "" {
			s.pending = nil
		}
		return false
	}
	if p := s.pending; p != nil {
		s.pending = nil
		if line != "" {
			p.Message = line
		}
		s.add(*p)
		return true
	}
	if p := s.frame; p != nil {
		if s.match(s.pythonEnd, line, func(m []string) { p.Message = m[1] }) {
			s.frame = nil
			s.add(*p)
			return true
		}
	}
	return false
}

func (s *Scanner) add(p Problem) {
	p.File = s.locate(p.File)
	if p.File == "" || p.Line < 1 || slices.Contains(s.problems, p) {
		return
	}
	s.problems = append(s.problems, p)
}

// locate finds the file of the project that a printed path is about, or "".
// Builders see the project in a directory of their own, so the path may have
// any directories before the part that counts.
func (s *Scanner) locate(printed string) string {
	if file, known := s.places[printed]; known {
		return file
	}
	file := ""
	if !strings.HasPrefix(printed, "<") {
		rest := strings.TrimPrefix(path.Clean(strings.ReplaceAll(printed, "\\", "/")), "/")
		for rest != "" && rest != "." {
			if !strings.HasPrefix(rest, "../") && s.exists(rest) {
				file = rest
				break
			}
			_, rest, _ = strings.Cut(rest, "/")
		}
	}
	s.places[printed] = file
	return file
}

// number reads digits; what is too large is 0.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil || n > 1<<30 {
		return 0
	}
	return n
}

// Plain is a line without the escape sequences that colour it.
func Plain(line string) string {
	if strings.IndexByte(line, '\x1b') < 0 {
		return line
	}
	return escapes().ReplaceAllString(line, "")
}
