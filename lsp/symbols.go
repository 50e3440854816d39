package lsp

import (
	"context"
	"slices"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/rigx-build/rigx/analysis"
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// DocumentSymbol is the outline of a file.
func (s *Server) DocumentSymbol(ctx context.Context, params *protocol.DocumentSymbolParams) (protocol.DocumentSymbolResult, error) {
	_, file := stateOf(ctx).project(pathOf(params.TextDocument.URI))
	if file == nil {
		return nil, nil
	}
	return protocol.DocumentSymbolSlice(s.outline(file, analysis.Outline(file))), nil
}

var outlineKinds = [...]protocol.SymbolKind{
	analysis.OutlineSection: protocol.SymbolKindNamespace,
	analysis.OutlineTarget:  protocol.SymbolKindFunction,
	analysis.OutlineVariant: protocol.SymbolKindEnumMember,
	analysis.OutlineField:   protocol.SymbolKindField,
}

func (s *Server) outline(file *syntax.File, items []*analysis.OutlineItem) []protocol.DocumentSymbol {
	out := make([]protocol.DocumentSymbol, len(items))
	for i, item := range items {
		name := item.Name
		if name == "" {
			name = `""` // clients refuse empty names
		}
		out[i] = protocol.DocumentSymbol{
			Name: name, Detail: &item.Detail, Kind: outlineKinds[item.Kind],
			Range: toRange(s.encoding, file, item.Span), SelectionRange: toRange(s.encoding, file, item.NameSpan),
			Children: s.outline(file, item.Children),
		}
	}
	return out
}

var symbolKinds = map[analysis.NameKind]protocol.SymbolKind{
	analysis.TargetName:   protocol.SymbolKindFunction,
	analysis.VariantName:  protocol.SymbolKindEnumMember,
	analysis.NodeName:     protocol.SymbolKindObject,
	analysis.VariableName: protocol.SymbolKindVariable,
	analysis.GitName:      protocol.SymbolKindPackage,
	analysis.LocalName:    protocol.SymbolKindPackage,
	analysis.ExternalName: protocol.SymbolKindPackage,
}

// Symbols finds targets and other names in all open projects.
func (s *Server) Symbols(ctx context.Context, params *protocol.WorkspaceSymbolParams) (protocol.WorkspaceSymbolResult, error) {
	out := protocol.SymbolInformationSlice{}
	for _, project := range stateOf(ctx).openProjects() {
		for _, sym := range project.FindSymbols(params.Query) {
			info := protocol.SymbolInformation{Location: s.location(sym.At)}
			info.Name, info.Kind = sym.Text, symbolKinds[sym.Kind]
			if sym.Target != nil && sym.Kind == analysis.VariantName {
				info.Name = sym.Target.Name + "@" + sym.Text
			}
			out = append(out, info)
		}
	}
	return out, nil
}

// FoldingRanges lists what can be folded.
func (s *Server) FoldingRanges(ctx context.Context, params *protocol.FoldingRangeParams) ([]protocol.FoldingRange, error) {
	_, file := stateOf(ctx).project(pathOf(params.TextDocument.URI))
	if file == nil {
		return nil, nil
	}
	out := []protocol.FoldingRange{}
	for _, f := range analysis.Folds(file) {
		r := protocol.FoldingRange{StartLine: uint32(f.From), EndLine: uint32(f.To), Kind: protocol.FoldingRangeKindRegion}
		if f.Comment {
			r.Kind = protocol.FoldingRangeKindComment
		}
		out = append(out, r)
	}
	return out, nil
}

// SelectionRange widens selections step by step.
func (s *Server) SelectionRange(ctx context.Context, params *protocol.SelectionRangeParams) ([]protocol.SelectionRange, error) {
	_, file := stateOf(ctx).project(pathOf(params.TextDocument.URI))
	if file == nil {
		return nil, nil
	}
	out := make([]protocol.SelectionRange, 0, len(params.Positions))
	for _, position := range params.Positions {
		var around *protocol.SelectionRange
		for _, span := range slices.Backward(analysis.Selections(file, toOffset(s.encoding, file, position))) {
			around = &protocol.SelectionRange{Range: toRange(s.encoding, file, span), Parent: around}
		}
		if around == nil {
			around = &protocol.SelectionRange{Range: protocol.Range{Start: position, End: position}}
		}
		out = append(out, *around)
	}
	return out, nil
}

// PrepareCallHierarchy finds the target under the cursor. What calls what is
// the dependency graph.
func (s *Server) PrepareCallHierarchy(ctx context.Context, params *protocol.CallHierarchyPrepareParams) ([]protocol.CallHierarchyItem, error) {
	at := s.find(ctx, params.TextDocument, params.Position)
	if at.project == nil {
		return nil, nil
	}
	t := at.project.Target(analysis.At(at.file, at.offset))
	if m, ok := at.project.MentionAt(at.file, at.offset); ok && m.Symbol.Target != nil {
		t = m.Symbol.Target
	}
	if t == nil {
		return nil, nil
	}
	return []protocol.CallHierarchyItem{s.hierarchyItem(t)}, nil
}

func (s *Server) hierarchyItem(t *manifest.Target) protocol.CallHierarchyItem {
	kind := t.Kind.String()
	file := t.Local.At.File
	return protocol.CallHierarchyItem{
		Name: t.Name, Kind: protocol.SymbolKindFunction, Detail: &kind, URI: uri.File(file.Path),
		Range: toRange(s.encoding, file, t.Header.Span), SelectionRange: toRange(s.encoding, file, t.Local.At.Span),
	}
}

// hierarchyTarget finds the target of an item again.
func hierarchyTarget(ctx context.Context, item protocol.CallHierarchyItem) (*analysis.Snapshot, *manifest.Target) {
	project, _ := stateOf(ctx).project(pathOf(item.URI))
	if project == nil {
		return nil, nil
	}
	return project, project.Manifest.Target(item.Name)
}

// OutgoingCalls lists what a target depends on.
func (s *Server) OutgoingCalls(ctx context.Context, params *protocol.CallHierarchyOutgoingCallsParams) ([]protocol.CallHierarchyOutgoingCall, error) {
	project, t := hierarchyTarget(ctx, params.Item)
	if t == nil {
		return nil, nil
	}
	out := []protocol.CallHierarchyOutgoingCall{}
	for _, c := range project.DependsOn(t) {
		out = append(out, protocol.CallHierarchyOutgoingCall{To: s.hierarchyItem(c.Target), FromRanges: s.ranges(c.At)})
	}
	return out, nil
}

// IncomingCalls lists what depends on a target.
func (s *Server) IncomingCalls(ctx context.Context, params *protocol.CallHierarchyIncomingCallsParams) ([]protocol.CallHierarchyIncomingCall, error) {
	project, t := hierarchyTarget(ctx, params.Item)
	if t == nil {
		return nil, nil
	}
	out := []protocol.CallHierarchyIncomingCall{}
	for _, c := range project.UsedBy(t) {
		out = append(out, protocol.CallHierarchyIncomingCall{From: s.hierarchyItem(c.Target), FromRanges: s.ranges(c.At)})
	}
	return out, nil
}

func (s *Server) ranges(at []manifest.Location) []protocol.Range {
	out := make([]protocol.Range, len(at))
	for i, l := range at {
		out[i] = toRange(s.encoding, l.File, l.Span)
	}
	return slices.Compact(out)
}
