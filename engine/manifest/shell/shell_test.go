package shell_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rigx-build/rigx/engine/manifest/shell"
)

func TestFaults(t *testing.T) {
	for _, test := range []struct{ script, at, message string }{
		{"mkdir -p $out\ncp x $out/\n", "", ""},
		{"if true; then\n  echo a\n", "if", "statement must end with"},
		{"echo \"a\n", "\"a", "without closing quote"},
		{"for x in a b; do echo $x; don\n", "for", "must end with"},
		{"a=(1 2 3)\necho ${a[@]} <(true) [[\n", "", ""},
		{"#!/usr/bin/env python3\nimport os\nif True:\n  print('(')\n", "", ""},
		{"echo )\n", ")", "can only contain words"},
		{"", "", ""},
	} {
		s := shell.Parse(test.script)
		if s.Fault == nil {
			if test.message != "" {
				t.Errorf("%q: no fault", test.script)
			}
			continue
		}
		if got := test.script[s.Fault.Start:s.Fault.End]; got != test.at || !strings.Contains(s.Fault.Message, test.message) || test.message == "" {
			t.Errorf("%q: %q at %q, want %q at %q", test.script, s.Fault.Message, got, test.message, test.at)
		}
	}
}

func TestRuns(t *testing.T) {
	s := shell.Parse(`build() { jq . "$1"; }
build a.json
VAR=1 python3 gen.py | sort > out
if command -v rsync; then rsync a b; fi
./configure && $MAKE all
x=$(curl -L "$(cat url)")
`)
	var got []string
	for _, w := range s.Runs() {
		got = append(got, w.Text)
	}
	if diff := cmp.Diff([]string{"jq", "python3", "sort", "command", "curl", "cat"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTokens(t *testing.T) {
	script := "# make it\nfor f in *.c; do\n  echo \"a $f\" 'b' ${x:-y}\ndone\n"
	kinds := [...]string{"keyword", "command", "variable", "quoted", "comment"}
	var b strings.Builder
	for _, token := range shell.Parse(script).Tokens {
		fmt.Fprintf(&b, "%s %q\n", kinds[token.Kind], script[token.Start:token.End])
	}
	want := `comment "# make it"
keyword "for"
variable "f"
keyword "in"
keyword "do"
command "echo"
quoted "\"a "
variable "$f"
quoted "\""
quoted "'b'"
variable "${x"
variable "}"
keyword "done"
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// TestProvides: a package that has the program by another name is enough.
func TestProvides(t *testing.T) {
	for _, test := range []struct {
		pkg, program string
		want         bool
	}{
		{"python312", "python3", true}, {"python3Packages.numpy", "python3", true}, {"nodejs_20", "npm", true},
		{"jq", "jq", true}, {"curl", "jq", false}, {"cmakeMinimal", "cmake", true}, {"openssl", "ssh", false},
	} {
		if got := shell.Provides(test.pkg, test.program); got != test.want {
			t.Errorf("Provides(%q, %q) = %v", test.pkg, test.program, got)
		}
	}
}

// FuzzParse: tokens and words lie in the script, in order, without overlap.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"echo $x", "cat <<EOF\na $b\nEOF\n", "case $x in a) b ;; esac", "f() { :; }; f", "if", "\"$(", "${a[1]:-b}", "é\"😀$x\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := shell.Parse(text)
		end := 0
		for _, token := range s.Tokens {
			if token.Start < end || token.End <= token.Start || token.End > len(text) {
				t.Fatalf("%q: token %v behind %d", text, token, end)
			}
			end = token.End
		}
		for _, w := range s.Commands {
			if w.Start < 0 || w.End < w.Start || w.End > len(text) {
				t.Fatalf("%q: word %v", text, w)
			}
		}
		if s.Fault != nil && (s.Fault.Start > s.Fault.End || s.Fault.End > len(text)) {
			t.Fatalf("%q: fault %v", text, s.Fault)
		}
	})
}
