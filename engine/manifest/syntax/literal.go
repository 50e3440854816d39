package syntax

// SourceOffset is the source offset of byte decoded of the string that is
// written at literal in text.
func SourceOffset(text string, literal Span, decoded int) uint32 { return literal.Start }

// DecodedOffset is the inverse of SourceOffset.
func DecodedOffset(text string, literal Span, off uint32) (int, bool) { return 0, false }
