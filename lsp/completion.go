package lsp

import (
	"context"
	"encoding/json"
	"fmt"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/rigx-build/rigx/analysis"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// completionTriggers are the characters after which editors ask by themselves.
var completionTriggers = []string{"[", ".", "\"", "'", "{", "$", "@", "/", "=", " "}

var completionKinds = [...]protocol.CompletionItemKind{
	analysis.SectionCompletion:    protocol.CompletionItemKindModule,
	analysis.FieldCompletion:      protocol.CompletionItemKindField,
	analysis.ValueCompletion:      protocol.CompletionItemKindEnumMember,
	analysis.TargetCompletion:     protocol.CompletionItemKindFunction,
	analysis.VariableCompletion:   protocol.CompletionItemKindVariable,
	analysis.DependencyCompletion: protocol.CompletionItemKindReference,
	analysis.FileCompletion:       protocol.CompletionItemKindFile,
	analysis.FolderCompletion:     protocol.CompletionItemKindFolder,
}

// Completion lists what may stand at the cursor.
func (s *Server) Completion(ctx context.Context, params *protocol.CompletionParams) (protocol.CompletionResult, error) {
	file, found := s.completions(ctx, params)
	if file == nil {
		return nil, nil
	}
	list := &protocol.CompletionList{Items: make([]protocol.CompletionItem, 0, len(found.Items)), IsIncomplete: found.More}
	for i, c := range found.Items {
		text := c.Text
		if c.Snippet && !s.features.snippets {
			text = analysis.PlainText(text)
		}
		item := protocol.CompletionItem{
			Label: c.Label, Kind: completionKinds[c.Kind], SortText: protocol.NewOptional(fmt.Sprintf("%05d", i)),
			TextEdit: &protocol.TextEdit{Range: toRange(s.encoding, file, c.Span), NewText: text},
			// Editors filter by what stands in the range.
			FilterText: protocol.NewOptional(filterText(c)),
		}
		if c.Snippet && s.features.snippets {
			item.InsertTextFormat = protocol.InsertTextFormatSnippet
		}
		if c.Detail != "" {
			item.Detail = protocol.NewOptional(c.Detail)
		}
		if c.Doc != "" {
			item.Documentation = &protocol.MarkupContent{Kind: protocol.MarkupKindMarkdown, Value: c.Doc}
		}
		if c.Target != "" || c.Package != "" {
			item.Data, _ = json.Marshal(unresolved{file.Path, c.Target, c.Package})
		}
		list.Items = append(list.Items, item)
	}
	return list, nil
}

// completions looks at no more than the target that is being typed into, where
// that is enough.
func (s *Server) completions(ctx context.Context, params *protocol.CompletionParams) (*syntax.File, analysis.Completions) {
	st, path := stateOf(ctx), pathOf(params.TextDocument.URI)
	if r := st.revised(); r != nil && r.doc.path == path {
		if found, ok := r.Complete(toOffset(s.encoding, r.File, params.Position)); ok {
			return r.File, found
		}
	}
	at := s.find(ctx, params.TextDocument, params.Position)
	if at.project == nil {
		return nil, analysis.Completions{}
	}
	return at.file, at.project.Complete(at.file, at.offset)
}

// unresolved says what the documentation of a completion is about.
type unresolved struct {
	Path    string `json:"path"`
	Target  string `json:"target,omitempty"`
	Package string `json:"package,omitempty"`
}

// CompletionResolve adds the documentation of a target or package.
func (s *Server) CompletionResolve(ctx context.Context, item *protocol.CompletionItem) (*protocol.CompletionItem, error) {
	var about unresolved
	if len(item.Data) == 0 {
		return item, nil
	}
	if err := json.Unmarshal(item.Data, &about); err != nil {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "the data of a completion: %v", err)
	}
	var project *analysis.Snapshot
	if j := s.judgement.Load(); j != nil {
		project = j.onlyProject(about.Path)
	}
	if project == nil {
		project, _ = stateOf(ctx).project(about.Path)
	}
	if project != nil {
		doc := project.DescribeTarget(about.Target)
		if about.Package != "" {
			doc = s.describePackage(ctx, project.Manifest.Dir, about.Package)
		}
		if doc != "" {
			item.Documentation = &protocol.MarkupContent{Kind: protocol.MarkupKindMarkdown, Value: doc}
		}
	}
	return item, nil
}

// filterText is the label, with the quote or bracket that the range begins with.
func filterText(c analysis.Completion) string {
	for i := 0; i < len(c.Text) && (c.Text[i] == '"' || c.Text[i] == '['); i++ {
		if i+1 == len(c.Text) || c.Text[i+1] != '"' && c.Text[i+1] != '[' {
			return c.Text[:i+1] + c.Label
		}
	}
	return c.Label
}
