package lsp

import (
	"context"
	"encoding/json"
	"slices"

	"go.lsp.dev/protocol"

	"github.com/rigx-build/rigx/engine/manifest"
)

// settings are what the user can set, as initializationOptions, or below
// "rigx" in workspace/didChangeConfiguration.
type settings struct {
	// Trusted false keeps the server from running anything. Editors without a
	// notion of trust leave it out: then commands run, as somebody clicked, and
	// nothing else does.
	Trusted *bool `json:"trusted"`
	// Program is the rigx to run.
	Program string `json:"program"`
	// Nixpkgs is what it gets as --nixpkgs, if not empty.
	Nixpkgs string `json:"nixpkgs"`
	// LogLevel is what is written to the log: error (the default), or info.
	LogLevel string `json:"logLevel"`
}

// trusted reports whether what the user asks for may run.
func (s settings) trusted() bool { return s.Trusted == nil || *s.Trusted }

// explicitlyTrusted reports whether something may run that nobody asked for.
func (s settings) explicitlyTrusted() bool { return s.Trusted != nil && *s.Trusted }

// clientFeatures are what the client can do.
type clientFeatures struct {
	progress, watching, lensRefresh bool
	// snippets in completions, and creating files in edits
	snippets, createFiles bool
	// pull clients ask for diagnostics, and want to be told none.
	pull bool
}

// Initialize agrees on what both sides can do.
func (s *Server) Initialize(_ context.Context, params *protocol.InitializeParams) (*protocol.InitializeResult, error) {
	caps := params.Capabilities
	if caps.General != nil {
		s.encoding = chooseEncoding(caps.General.PositionEncodings)
	}
	if w := caps.Window; w != nil {
		s.features.progress = w.WorkDoneProgress != nil && *w.WorkDoneProgress
	}
	if w := caps.Workspace; w != nil {
		s.features.watching = w.DidChangeWatchedFiles != nil && isTrue(w.DidChangeWatchedFiles.DynamicRegistration)
		s.features.lensRefresh = w.CodeLens != nil && isTrue(w.CodeLens.RefreshSupport)
	}
	if w := caps.Workspace; w != nil && w.WorkspaceEdit != nil {
		s.features.createFiles = slices.Contains(w.WorkspaceEdit.ResourceOperations, protocol.ResourceOperationKindCreate)
	}
	if t := caps.TextDocument; t != nil && t.Completion != nil && t.Completion.CompletionItem != nil {
		s.features.snippets = isTrue(t.Completion.CompletionItem.SnippetSupport)
	}
	if w, t := caps.Workspace, caps.TextDocument; w != nil && t != nil {
		s.features.pull = t.Diagnostic != nil && w.Diagnostics != nil && isTrue(w.Diagnostics.RefreshSupport)
	}
	s.trace.Store(params.Trace)
	s.openFolders(params)
	s.configure(params.InitializationOptions)
	s.phase.Store(initialized)
	yes, incremental := true, protocol.TextDocumentSyncKindIncremental
	result := &protocol.InitializeResult{
		ServerInfo: protocol.ServerInfo{Name: "rigx-ls", Version: protocol.NewOptional(manifest.Version)},
		Capabilities: protocol.ServerCapabilities{
			PositionEncoding: s.encoding,
			TextDocumentSync: &protocol.TextDocumentSyncOptions{
				OpenClose: &yes,
				Change:    &incremental,
				Save:      &protocol.SaveOptions{},
			},
			CompletionProvider:         &protocol.CompletionOptions{TriggerCharacters: completionTriggers, ResolveProvider: &yes},
			HoverProvider:              protocol.Boolean(true),
			DefinitionProvider:         protocol.Boolean(true),
			ReferencesProvider:         protocol.Boolean(true),
			DocumentHighlightProvider:  protocol.Boolean(true),
			RenameProvider:             &protocol.RenameOptions{PrepareProvider: &yes},
			DocumentSymbolProvider:     protocol.Boolean(true),
			WorkspaceSymbolProvider:    protocol.Boolean(true),
			CallHierarchyProvider:      protocol.Boolean(true),
			DocumentLinkProvider:       &protocol.DocumentLinkOptions{},
			FoldingRangeProvider:       protocol.Boolean(true),
			SelectionRangeProvider:     protocol.Boolean(true),
			CodeActionProvider:         &protocol.CodeActionOptions{CodeActionKinds: []protocol.CodeActionKind{protocol.CodeActionKindQuickFix, protocol.CodeActionKindRefactorRewrite}},
			DocumentFormattingProvider: protocol.Boolean(true),
			InlayHintProvider:          protocol.Boolean(true),
			SemanticTokensProvider: &protocol.SemanticTokensOptions{
				Legend: tokensLegend(),
				Range:  protocol.Boolean(true),
				Full:   &protocol.SemanticTokensFullDelta{Delta: &yes},
			},
			CodeLensProvider:       &protocol.CodeLensOptions{},
			ExecuteCommandProvider: protocol.ExecuteCommandOptions{Commands: commandNames()},
			Workspace: &protocol.WorkspaceOptions{
				WorkspaceFolders: &protocol.WorkspaceFoldersServerCapabilities{Supported: &yes, ChangeNotifications: protocol.Boolean(true)},
				FileOperations:   &protocol.FileOperationOptions{WillRename: allFiles()},
			},
		},
	}
	if s.features.pull {
		result.Capabilities.DiagnosticProvider = &protocol.DiagnosticOptions{InterFileDependencies: true, WorkspaceDiagnostics: true}
	}
	return result, nil
}

// openFolders takes the folders of the workspace over.
func (s *Server) openFolders(params *protocol.InitializeParams) {
	var folders []string
	if list, ok := params.WorkspaceFolders.Get(); ok {
		for _, f := range list {
			folders = append(folders, pathOf(f.URI))
		}
	}
	s.update(func(st *state) { st.folders = slices.DeleteFunc(folders, func(dir string) bool { return dir == "" }) })
}

// DidChangeWorkspaceFolders takes folders that come and go over.
func (s *Server) DidChangeWorkspaceFolders(_ context.Context, params *protocol.DidChangeWorkspaceFoldersParams) error {
	s.update(func(st *state) {
		st.folders = slices.Clone(st.folders)
		for _, f := range params.Event.Removed {
			st.folders = slices.DeleteFunc(st.folders, func(dir string) bool { return dir == pathOf(f.URI) })
		}
		for _, f := range params.Event.Added {
			if dir := pathOf(f.URI); dir != "" {
				st.folders = append(st.folders, dir)
			}
		}
	})
	s.refreshDiagnostics()
	return nil
}

func isTrue(b *bool) bool { return b != nil && *b }

// configure takes settings over. What cannot be read is reported and changes
// nothing.
func (s *Server) configure(raw []byte) {
	if len(raw) == 0 || string(raw) == "null" {
		return
	}
	set := s.current.Load().settings
	if err := json.Unmarshal(raw, &set); err != nil {
		s.logError("the settings cannot be read: " + err.Error())
		return
	}
	s.update(func(st *state) { st.settings = set })
}

// Initialized asks to be told of changes on disk.
func (s *Server) Initialized(ctx context.Context, _ *protocol.InitializedParams) error {
	if !s.features.watching {
		return nil
	}
	options, err := protocol.Marshal(&protocol.DidChangeWatchedFilesRegistrationOptions{
		Watchers: []protocol.FileSystemWatcher{{GlobPattern: protocol.Pattern("**/*")}},
	})
	if err != nil {
		return err
	}
	// The answer comes through the connection that waits for this handler.
	go func() {
		_ = s.client.RegisterCapability(context.WithoutCancel(ctx), &protocol.RegistrationParams{Registrations: []protocol.Registration{{
			ID: "files", Method: protocol.MethodWorkspaceDidChangeWatchedFiles, RegisterOptions: options,
		}}})
	}()
	return nil
}

// Shutdown ends the work; only exit may follow.
func (s *Server) Shutdown(context.Context) error {
	s.phase.Store(shutDown)
	s.stopCommands()
	return nil
}

// Exit ends the connection.
func (s *Server) Exit(context.Context) error {
	s.phase.CompareAndSwap(shutDown, exited)
	s.stopCommands()
	s.leave.Do(func() { close(s.left) })
	return nil
}

// DidChangeConfiguration takes new settings over.
func (s *Server) DidChangeConfiguration(_ context.Context, params *protocol.DidChangeConfigurationParams) error {
	var all struct {
		Rigx json.RawMessage `json:"rigx"`
	}
	if err := json.Unmarshal(params.Settings, &all); err != nil {
		return err
	}
	s.configure(all.Rigx)
	s.refreshLenses()
	return nil
}

func chooseEncoding(offered []protocol.PositionEncodingKind) encoding {
	// Offsets in bytes need no conversion.
	for _, e := range []protocol.PositionEncodingKind{protocol.PositionEncodingKindUTF8, protocol.PositionEncodingKindUTF16, protocol.PositionEncodingKindUTF32} {
		if slices.Contains(offered, e) {
			return e
		}
	}
	return protocol.PositionEncodingKindUTF16
}
