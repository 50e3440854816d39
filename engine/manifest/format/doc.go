// Package format writes a rigx.toml in its canonical shape.
//
//	tree := syntax.Parse(text)
//	text = format.Tree(tree)
//
// Sections come in the order of the schema table; targets keep theirs. Within
// a table the fields of each group, which is what no blank line divides, come
// in the table's order. Equals signs stand below each other, and so do the
// comments behind neighbouring lines. Lists that fit go on one line, unless
// their first item stands on a line of its own.
//
// Every comment and every value stays, strings to the letter. Formatting twice
// is the same as formatting once. A text with an error of syntax is returned
// as it is.
package format
