// Package syntax reads TOML without ever giving up.
//
// [Parse] turns any text into a [Tree]: the tables, entries and values in
// source order, each with the bytes it covers, and one [Error] for every place
// that is not TOML. A broken line costs that line; what was understood of it
// stays in the tree, marked Broken, because an editor completes exactly there.
//
//	tree := syntax.Parse("[targets.hello]\nkind = \"executable\"\n")
//	for _, table := range tree.Tables {
//		for _, entry := range table.Entries {
//			fmt.Println(table.Path, entry.Path, entry.Value.Text)
//		}
//	}
//
// The tree is lossless in the sense that matters for editing: every node
// carries its [Span], [Tree.Comments] lists the comments, and [Tree.Tokens]
// yields every byte of the text in exactly one token. [File] adds lines and
// columns. [SourceOffset] and [DecodedOffset] relate a position inside a
// decoded string to the source, and [Quote] and [QuoteKey] write TOML.
//
// The dialect is TOML 1.1: inline tables may span lines and end in a comma,
// and strings know \e and \xHH. Line endings inside multi-line strings decode
// to a line feed, whatever the file uses. Only the syntax is judged; that a
// key is defined twice is for the reader of the tree to find.
//
// A tree is immutable and may be shared between goroutines.
package syntax
