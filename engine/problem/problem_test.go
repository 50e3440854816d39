package problem_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rigx-build/rigx/engine/problem"
)

// TestScanner: what each tool prints, and what is made of it.
func TestScanner(t *testing.T) {
	for _, test := range []struct{ tool, output, want string }{
		{"gcc", "\x1b[01m\x1b[Ksrc/a.c:\x1b[m\x1b[K In function ‘\x1b[01m\x1b[Kmain\x1b[m\x1b[K’:\n" +
			"\x1b[01m\x1b[Ksrc/a.c:2:11:\x1b[m\x1b[K \x1b[01;35m\x1b[Kwarning: \x1b[m\x1b[Kmakes integer from pointer [\x1b]8;;https://x\x07-W\x1b]8;;\x07]\n" +
			"src/a.c:3:14: error: ‘y’ undeclared\n" +
			"src/a.c:9: fatal error: no.h: No such file\n" +
			"/usr/include/stdio.h:3:1: note: outside\n",
			"src/a.c:2:11 warning makes integer from pointer [-W]\nsrc/a.c:3:14 error ‘y’ undeclared\nsrc/a.c:9:0 error no.h: No such file\n"},
		{"linker", "ld: src/a.c:(.text+0x5): undefined reference to `f'\ncollect2: error: ld returned 1 exit status\n", ""},
		{"rustc", "error[E0425]: cannot find value `x` in this scope\n --> src/main.rs:3:20\n  |\n3 | x\n\nwarning: unused\n  |\n --> src/main.rs:1:1\n\nerror: aborting due to 1 previous error\n",
			"src/main.rs:3:20 error cannot find value `x` in this scope\nsrc/main.rs:1:1 warning unused\n"},
		{"cargo test", "thread 'tests::adds' panicked at src/main.rs:7:9:\nassertion `left == right` failed\n  left: 1\n", "src/main.rs:7:9 error assertion `left == right` failed\n"},
		{"go", "# command-line-arguments\nsrc/main.go:6:14: undefined: x\n    main_test.go:12: got 1, want 2\n", "src/main.go:6:14 error undefined: x\nmain_test.go:12:0 error got 1, want 2\n"},
		{"zig", "\x1b[1msrc/main.zig:4:5: \x1b[31merror: \x1b[0m\x1b[1muse of undeclared identifier 'x'\n\x1b[0m    x();\n", "src/main.zig:4:5 error use of undeclared identifier 'x'\n"},
		{"nim", "\x1b[1m/build/source/src/main.nim(1, 6) \x1b[0m\x1b[31mError: \x1b[0mundeclared identifier: 'x'\n", "src/main.nim:1:6 error undeclared identifier: 'x'\n"},
		{"python", "Traceback (most recent call last):\n  File \"/build/source/src/gen.py\", line 4, in <module>\n    f()\n" +
			"  File \"/build/source/src/gen.py\", line 2, in f\n    return 1 / 0\n           ~~^~~\n  File \"/nix/store/x/lib/os.py\", line 9, in g\nZeroDivisionError: division by zero\n",
			"src/gen.py:2:0 error ZeroDivisionError: division by zero\n"},
		{"python syntax", "  File \"/build/source/src/gen.py\", line 1\n    def\n       ^\nSyntaxError: invalid syntax\n", "src/gen.py:1:0 error SyntaxError: invalid syntax\n"},
		{"pytest", "src/gen.py:3: AssertionError\n", "src/gen.py:3:0 error AssertionError\n"},
		{"assert", "app: src/a.c:12: main: Assertion `x == 1' failed.\n", "src/a.c:12:0 error main: Assertion `x == 1' failed.\n"},
		{"gtest", "src/a.c:5: Failure\nExpected: 1\n", "src/a.c:5:0 error the test failed here\n"},
		{"twice", "src/a.c:1:1: error: x\nsrc/a.c:1:1: error: x\n", "src/a.c:1:1 error x\n"},
		{"hostile", "../../etc/passwd:1:1: error: x\nsrc/a.c:99999999999999999999:1: error: x\n:::\n<string>:1:1: error: x\n", ""},
		{"prose", "see https://example.org: it is 12:30: done\nok src/a.c\n", ""},
	} {
		t.Run(test.tool, func(t *testing.T) {
			files := []string{"src/a.c", "src/main.rs", "src/main.go", "main_test.go", "src/main.zig", "src/main.nim", "src/gen.py", "etc/passwd2"}
			s := problem.NewScanner(func(file string) bool { return slices.Contains(files, file) })
			for line := range strings.Lines(test.output) {
				s.Line(line)
			}
			var b strings.Builder
			for _, p := range s.Problems() {
				fmt.Fprintf(&b, "%s:%d:%d %s %s\n", p.File, p.Line, p.Column, p.Severity, p.Message)
			}
			if diff := cmp.Diff(test.want, b.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzScanner: any output is read, and places are real ones.
func FuzzScanner(f *testing.F) {
	f.Add("src/a.c:1:2: error: x\nerror[E1]: y\n --> a:1:1\n")
	f.Add("  File \"a\", line 1\nE: \x1b[31m")
	f.Fuzz(func(t *testing.T, output string) {
		s := problem.NewScanner(func(file string) bool { return !strings.HasPrefix(file, "/") })
		for line := range strings.Lines(output) {
			s.Line(line)
		}
		for _, p := range s.Problems() {
			if p.Line < 1 || p.Column < 0 || p.File == "" || strings.HasPrefix(p.File, "../") {
				t.Fatalf("%q: %+v", output, p)
			}
		}
	})
}
