package lsp

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"sync"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// document is one version of an open file.
type document struct {
	uri     uri.URI
	path    string
	version int32
	text    string
	// parsed on first use.
	file func() *syntax.File
}

func newDocument(u uri.URI, version int32, text string) *document {
	d := &document{uri: u, path: pathOf(u), version: version, text: text}
	d.file = sync.OnceValue(func() *syntax.File { return syntax.NewFile(d.path, filepath.Base(d.path), d.text) })
	return d
}

// pathOf is the file of a URI; "" for documents that are not files, such as
// untitled: and git:.
func pathOf(u uri.URI) string {
	if !u.IsFile() {
		return ""
	}
	return filepath.Clean(u.FsPath())
}

// DidOpen adds a document.
func (s *Server) DidOpen(_ context.Context, params *protocol.DidOpenTextDocumentParams) error {
	item := params.TextDocument
	// Strings of a message share its memory.
	doc := newDocument(uri.URI(strings.Clone(string(item.URI))), item.Version, strings.Clone(item.Text))
	if doc.path != "" {
		s.update(func(st *state) { st.put(doc) })
	}
	return nil
}

// DidChange applies edits, one after the other.
func (s *Server) DidChange(_ context.Context, params *protocol.DidChangeTextDocumentParams) error {
	path := pathOf(params.TextDocument.URI)
	if path == "" {
		return nil
	}
	old := s.current.Load().docs[path]
	if old == nil {
		return fmt.Errorf("a change of %s, which is not open", params.TextDocument.URI)
	}
	text := old.text
	for _, change := range params.ContentChanges {
		switch c := change.(type) {
		case *protocol.TextDocumentContentChangeWholeDocument:
			text = strings.Clone(c.Text)
		case *protocol.TextDocumentContentChangePartial:
			start, end := offsetIn(s.encoding, text, c.Range.Start), offsetIn(s.encoding, text, c.Range.End)
			text = text[:start] + c.Text + text[max(start, end):]
		}
	}
	doc := newDocument(old.uri, params.TextDocument.Version, text)
	s.update(func(st *state) { st.put(doc) })
	return nil
}

// offsetIn finds a position in a text that changes too often to be parsed.
// Lines and columns behind the end count as the end.
func offsetIn(enc encoding, text string, p protocol.Position) int {
	start := 0
	for range p.Line {
		i := strings.IndexByte(text[start:], '\n')
		if i < 0 {
			return len(text)
		}
		start += i + 1
	}
	line := text[start:]
	if i := strings.IndexByte(line, '\n'); i >= 0 {
		line = strings.TrimSuffix(line[:i], "\r")
	}
	return start + bytesOf(enc, line, int(p.Character))
}

// DidSave looks at the disk again.
func (s *Server) DidSave(context.Context, *protocol.DidSaveTextDocumentParams) error {
	s.files.forget()
	s.update(func(st *state) { st.disk++ })
	s.refreshDiagnostics()
	s.wakeIDE()
	return nil
}

// DidClose goes back to what is on disk.
func (s *Server) DidClose(_ context.Context, params *protocol.DidCloseTextDocumentParams) error {
	path := pathOf(params.TextDocument.URI)
	s.update(func(st *state) { delete(st.docs, path) })
	s.coloursMu.Lock()
	delete(s.coloured, path)
	s.coloursMu.Unlock()
	return nil
}

// DidChangeWatchedFiles looks at the disk again.
func (s *Server) DidChangeWatchedFiles(context.Context, *protocol.DidChangeWatchedFilesParams) error {
	s.files.forget()
	s.update(func(st *state) { st.disk++ })
	s.refreshDiagnostics()
	return nil
}

// update makes the next state from the current one.
func (s *Server) update(change func(*state)) {
	s.updating.Lock()
	defer s.updating.Unlock()
	old := s.current.Load()
	next := newState(s.files, s.packages)
	next.settings, next.folders, next.disk = old.settings, old.folders, old.disk
	next.docs = maps.Clone(old.docs)
	next.short.earlier = s.judgement.Load()
	change(next)
	s.current.Store(next)
	select {
	case s.changed <- struct{}{}:
	default: // it is awake already
	}
}
