package syntax

import (
	"sort"
	"strings"
	"sync"
)

// File is a parsed text with a name, lines and columns.
type File struct {
	// Path is the absolute path or the URI of the text.
	Path string
	// Name is what users are shown, usually a relative path.
	Name string
	Tree *Tree

	once       sync.Once
	lineStarts []uint32
}

// Position is a place in a file.
type Position struct {
	Line   int // counted from 0
	Column int // in bytes, counted from 0
}

// NewFile parses text.
func NewFile(path, name, text string) *File {
	return &File{Path: path, Name: name, Tree: Parse(text)}
}

// text is the part of the source that offsets can reach.
func (f *File) text() string { return f.Tree.Text[:min(len(f.Tree.Text), MaxSize)] }

// starts returns the offset of every line's first byte. Most files are read
// without an error to show, so it is computed on first use.
func (f *File) starts() []uint32 {
	f.once.Do(func() {
		text := f.text()
		starts := make([]uint32, 1, 1+strings.Count(text, "\n"))
		for off := 0; ; {
			i := strings.IndexByte(text[off:], '\n')
			if i < 0 {
				break
			}
			off += i + 1
			starts = append(starts, uint32(off))
		}
		f.lineStarts = starts
	})
	return f.lineStarts
}

// Lines is the number of lines. A text that ends in a line feed has an empty
// last line; an empty text has one line.
func (f *File) Lines() int { return len(f.starts()) }

// Line is the text of line n without its line ending, or "" if there is no
// such line.
func (f *File) Line(n int) string {
	start, end, ok := f.bounds(n)
	if !ok {
		return ""
	}
	return f.Tree.Text[start:end]
}

// bounds returns the offsets of line n without its line ending.
func (f *File) bounds(n int) (start, end int, ok bool) {
	starts := f.starts()
	if n < 0 || n >= len(starts) {
		return 0, 0, false
	}
	start, end = int(starts[n]), len(f.text())
	if n+1 < len(starts) {
		end = int(starts[n+1]) - 1
		if end > start && f.Tree.Text[end-1] == '\r' {
			end--
		}
	}
	return start, end, true
}

// Position is the line and column of a byte offset. An offset behind the end
// counts as the end.
func (f *File) Position(off uint32) Position {
	off = min(off, uint32(len(f.text())))
	starts := f.starts()
	line := sort.Search(len(starts), func(i int) bool { return starts[i] > off }) - 1
	return Position{Line: line, Column: int(off - starts[line])}
}

// Offset is the byte offset of a line and column. Lines outside the file count
// as its begin or end, columns outside the line likewise.
func (f *File) Offset(line, column int) uint32 {
	if line < 0 {
		return 0
	}
	start, end, ok := f.bounds(line)
	if !ok {
		return uint32(len(f.text()))
	}
	return uint32(min(start+max(column, 0), end))
}
