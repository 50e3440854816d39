package syntax

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2/unstable"
)

// largeText is a manifest of the given number of targets, ten lines each.
func largeText(targets int) string {
	var b strings.Builder
	for i := range targets {
		fmt.Fprintf(&b, `[targets.component-%[1]d]
kind = "executable"            # what is built
language = "c++"
sources = ["src/c%[1]d/main.cpp", "src/c%[1]d/model.cpp", "src/shared/*.cpp"]
includes = ["include"]
deps.internal = ["component-%[2]d", "shared"]
defines = { VERSION = "1.%[1]d", LIMIT = %[1]d }
description = "Component number %[1]d of the system."
sandbox = true

`, i, max(i-1, 0))
	}
	return b.String()
}

func BenchmarkParse(b *testing.B) {
	for _, targets := range []int{20, 1_000, 10_000} {
		b.Run(fmt.Sprintf("targets=%d", targets), func(b *testing.B) {
			text := largeText(targets)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if tree := Parse(text); len(tree.Errors) > 0 {
					b.Fatal(tree.Errors[0])
				}
			}
		})
	}
}

// BenchmarkParseByGoTOML is the yardstick: go-toml's parser over the same
// text, which keeps no tree.
func BenchmarkParseByGoTOML(b *testing.B) {
	text := []byte(largeText(10_000))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		p := unstable.Parser{}
		p.Reset(text)
		for p.NextExpression() {
		}
		if p.Error() != nil {
			b.Fatal(p.Error())
		}
	}
}

func BenchmarkTokens(b *testing.B) {
	tree := Parse(largeText(10_000))
	b.SetBytes(int64(len(tree.Text)))
	b.ReportAllocs()
	for b.Loop() {
		for range tree.Tokens() {
		}
	}
}

// BenchmarkParseHostile reads texts that would be slow if anything were read
// more than a few times.
func BenchmarkParseHostile(b *testing.B) {
	for name, line := range map[string]string{
		"unterminated": "[a]\nx = [\\\"\"\"\n",
		"brackets":     "[[[[[[[[",
		"quotes":       "' \" ' \" ",
		"dates":        "x = 1979-05-27\n",
		"escapes":      `x = "\\\n\u0041"` + "\n",
		"comments":     "#\n",
	} {
		b.Run(name, func(b *testing.B) {
			text := strings.Repeat(line, 1<<20/len(line))
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Parse(text)
			}
		})
	}
}
