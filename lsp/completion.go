package lsp

import (
	"context"
	"fmt"

	"go.lsp.dev/protocol"

	"github.com/rigx-build/rigx/analysis"
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
	at := s.find(ctx, params.TextDocument, params.Position)
	if at.project == nil {
		return nil, nil
	}
	list := &protocol.CompletionList{Items: []protocol.CompletionItem{}}
	for i, c := range at.project.Complete(at.file, at.offset) {
		text := c.Text
		if c.Snippet && !s.features.snippets {
			text = analysis.PlainText(text)
		}
		item := protocol.CompletionItem{
			Label: c.Label, Kind: completionKinds[c.Kind], SortText: protocol.NewOptional(fmt.Sprintf("%05d", i)),
			TextEdit: &protocol.TextEdit{Range: toRange(s.encoding, at.file, c.Span), NewText: text},
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
		list.Items = append(list.Items, item)
	}
	return list, nil
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
