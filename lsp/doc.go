// Package lsp is the language server for rigx.toml: it speaks the Language
// Server Protocol and leaves the answers to package analysis.
//
//	err := lsp.NewServer(lsp.Options{}).Serve(ctx, stream)
//
// Messages are handled in the order they come. Notifications change the state
// (open documents, settings) before the next message is read. A request takes
// the state it finds, which never changes, and is then answered concurrently
// with others. Diagnostics are computed and published by one goroutine of
// their own, always for the newest state.
//
// Most changes lie inside one target; judgement.go then asks for no more than
// that to be read. results.go shows how builds went, whoever started them.
//
// The files: server.go wires the connection, lifecycle.go holds initialize to
// exit, state.go the immutable state and its projects, documents.go the edits,
// positions.go the conversion of places; then there is one file for each
// feature.
package lsp
