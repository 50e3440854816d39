// Package analysis answers an editor's questions about rigx.toml.
//
// Everything is a pure function of a [Snapshot], which is a project at one
// moment, and a place in one of its files. Places are byte offsets; package lsp
// turns them into the positions of the protocol and knows nothing else about
// the answers.
//
//	s := analysis.Load(ctx, fsys, dir, analysis.Options{})
//	file := s.File("/home/me/project/rigx.toml")
//	hover, ok := s.Hover(file, 120)
//
// After an edit inside one target, [Snapshot.Revise] answers what an editor asks
// at every keystroke for a fraction of what loading takes.
//
// There is one file for each feature. cursor.go says what stands at an offset,
// which most of them start from.
package analysis
