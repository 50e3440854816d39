package lsp

import (
	"unicode/utf8"

	"go.lsp.dev/protocol"

	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// encoding is the unit that columns are counted in. The server itself counts
// bytes.
type encoding = protocol.PositionEncodingKind

// units is the width of a text in an encoding. Bytes that are no UTF-8 count
// as one character each.
func units(enc encoding, text string) (n int) {
	if enc == protocol.PositionEncodingKindUTF8 {
		return len(text)
	}
	for _, c := range text {
		n++
		if c > 0xFFFF && enc == protocol.PositionEncodingKindUTF16 {
			n++
		}
	}
	return n
}

// bytesOf is the inverse: the length in bytes of the first n units of a line.
// A position inside a character counts as before it.
func bytesOf(enc encoding, line string, n int) int {
	if enc == protocol.PositionEncodingKindUTF8 {
		return min(n, len(line))
	}
	at := 0
	for at < len(line) && n > 0 {
		c, size := utf8.DecodeRuneInString(line[at:])
		n--
		if c > 0xFFFF && enc == protocol.PositionEncodingKindUTF16 {
			n--
		}
		if n < 0 {
			break
		}
		at += size
	}
	return at
}

func toPosition(enc encoding, file *syntax.File, offset uint32) protocol.Position {
	p := file.Position(offset)
	line := file.Line(p.Line)
	return protocol.Position{Line: uint32(p.Line), Character: uint32(units(enc, line[:min(p.Column, len(line))]))}
}

func toRange(enc encoding, file *syntax.File, span syntax.Span) protocol.Range {
	return protocol.Range{Start: toPosition(enc, file, span.Start), End: toPosition(enc, file, span.End)}
}

func toOffset(enc encoding, file *syntax.File, p protocol.Position) uint32 {
	line := int(p.Line)
	return file.Offset(line, bytesOf(enc, file.Line(line), int(p.Character)))
}
