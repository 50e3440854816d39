package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/rigx-build/rigx/engine"
)

// The parts of JUnit's XML that CI systems read. There is no one standard; see
// https://github.com/testmoapp/junitxml.
type junitSuites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Time     string   `xml:"time,attr"`
	Suite    junitSuite
}

type junitSuite struct {
	XMLName  xml.Name `xml:"testsuite"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Time     string   `xml:"time,attr"`
	Cases    []junitCase
}

type junitCase struct {
	XMLName xml.Name      `xml:"testcase"`
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr"`
	Line    int           `xml:"line,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit writes the results of tests as JUnit XML. The class of a test is
// its project, with the module it belongs to.
func writeJUnit(file, project string, results []engine.TestResult) error {
	suite := junitSuite{Name: project, Tests: len(results)}
	total := 0.0
	for _, r := range results {
		t := r.Target
		at := t.Local.At.File.Position(t.Local.At.Span.Start)
		c := junitCase{
			Class: project, Name: t.Name, File: t.Local.At.File.Name, Line: at.Line + 1,
			Time: seconds(r.Duration.Seconds()), Output: printable(string(r.Output)),
		}
		if t.Module != nil {
			c.Class += "." + t.Module.Name
		}
		if !r.Passed() {
			suite.Failures++
			c.Failure = &junitFailure{Message: fmt.Sprintf("exit status %d", r.Status), Text: c.Output}
			if r.Err != nil {
				c.Failure.Message = printable(r.Err.Error())
			}
			c.Output = ""
		}
		total += r.Duration.Seconds()
		suite.Cases = append(suite.Cases, c)
	}
	suite.Time = seconds(total)
	data, err := xml.MarshalIndent(junitSuites{Tests: suite.Tests, Failures: suite.Failures, Time: suite.Time, Suite: suite}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append([]byte(xml.Header), append(data, '\n')...), 0o644)
}

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }

// printable leaves out what XML cannot hold: control characters, such as those
// of colours, and bytes that are not UTF-8.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r < ' ' && r != '\t' && r != '\n' {
			return -1
		}
		return r
	}, s)
}
