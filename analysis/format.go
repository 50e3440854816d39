package analysis

import (
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/format"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// Format returns the edits that give a file its canonical shape: none if it has
// it, or has an error of syntax. Lines that stay as they are at the begin and
// the end of the file are not touched.
func Format(file *syntax.File) []manifest.Edit {
	old, text := file.Tree.Text, format.Tree(file.Tree)
	if old == text {
		return nil
	}
	from := 0
	for {
		i := strings.IndexByte(old[from:], '\n') + 1
		if i == 0 || !strings.HasPrefix(text[from:], old[from:from+i]) {
			break
		}
		from += i
	}
	end := 0
	for {
		i := strings.LastIndexByte(strings.TrimSuffix(old[from:len(old)-end], "\n"), '\n') + 1
		line := old[from+i : len(old)-end]
		if i == 0 || !strings.HasSuffix(text[from:len(text)-end], "\n"+line) {
			break
		}
		end += len(line)
	}
	return []manifest.Edit{{
		File: file,
		Span: syntax.Span{Start: uint32(from), End: uint32(len(old) - end)},
		Text: text[from : len(text)-end],
	}}
}
