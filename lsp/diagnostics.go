package lsp

import (
	"context"
	"slices"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/rigx-build/rigx/analysis"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/syntax"
)

// pause is how long nothing must change before files that are not open are
// judged too.
const pause = 300 * time.Millisecond

// published is what the client was last told about a file.
type published struct {
	version int32
	open    bool
	found   []protocol.Diagnostic
}

// publish tells the client of findings whenever the state changes: at once for
// open documents, once per version, and after a pause for the other files of
// their projects.
func (s *Server) publish(ctx context.Context) {
	known := map[string]published{} // by path
	idle := time.NewTimer(pause)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.changed:
			s.guarded(func() { s.publishAll(ctx, s.current.Load(), known, false) })
			idle.Reset(pause)
		case <-idle.C:
			s.guarded(func() { s.publishAll(ctx, s.current.Load(), known, true) })
		}
	}
}

func (s *Server) guarded(work func()) {
	defer func() {
		if r := recover(); r != nil {
			s.logPanic("diagnostics", r)
		}
	}()
	work()
}

// publishAll judges the projects of all open documents.
func (s *Server) publishAll(ctx context.Context, st *state, known map[string]published, closedToo bool) {
	current := map[string]bool{} // paths that still have a say
	done := map[*analysis.Snapshot]bool{}
	for path, doc := range st.docs {
		project, file := st.project(path)
		if project == nil {
			current[path] = true
			s.tell(ctx, known, path, published{doc.version, true, nil})
			continue
		}
		current[path] = true
		s.tell(ctx, known, path, published{doc.version, true, s.diagnosticsOf(project, file)})
		if done[project] {
			continue
		}
		done[project] = true
		for _, f := range project.Manifest.Files {
			if st.docs[f.Path] != nil {
				continue
			}
			current[f.Path] = true
			if closedToo {
				s.tell(ctx, known, f.Path, published{found: s.diagnosticsOf(project, f)})
			}
		}
	}
	for path, was := range known {
		if !current[path] || was.open && st.docs[path] == nil && !closedToo {
			s.tell(ctx, known, path, published{})
		}
	}
}

// tell publishes what is new.
func (s *Server) tell(ctx context.Context, known map[string]published, path string, now published) {
	was, told := known[path]
	if now.found == nil {
		now.found = []protocol.Diagnostic{}
	}
	same := slices.EqualFunc(was.found, now.found, equalDiagnostics)
	if told && same && was.version == now.version && was.open == now.open || !told && !now.open && len(now.found) == 0 {
		return
	}
	params := &protocol.PublishDiagnosticsParams{URI: uri.File(path), Diagnostics: now.found}
	if now.open {
		params.Version = protocol.NewOptional(now.version)
	}
	if s.client.PublishDiagnostics(ctx, params) != nil {
		return
	}
	known[path] = now
	if !now.open && len(now.found) == 0 {
		delete(known, path)
	}
}

func equalDiagnostics(a, b protocol.Diagnostic) bool {
	return a.Range == b.Range && a.Code == b.Code && a.Message == b.Message && a.Severity == b.Severity &&
		slices.EqualFunc(a.RelatedInformation, b.RelatedInformation, func(x, y protocol.DiagnosticRelatedInformation) bool { return x == y })
}

func (s *Server) diagnosticsOf(project *analysis.Snapshot, file *syntax.File) []protocol.Diagnostic {
	found := project.Diagnostics(file)
	out := make([]protocol.Diagnostic, len(found))
	for i, d := range found {
		out[i] = s.toDiagnostic(d)
	}
	return out
}

// toDiagnostic puts the remedy behind the message, as editors show no more
// than that.
func (s *Server) toDiagnostic(d *diagnostic.Diagnostic) protocol.Diagnostic {
	message := d.Message
	if d.Label != "" {
		message += "; " + d.Label
	}
	for _, help := range d.Help {
		message += "\n" + help
	}
	severity := protocol.DiagnosticSeverityError
	if d.Severity == diagnostic.Warning {
		severity = protocol.DiagnosticSeverityWarning
	}
	out := protocol.Diagnostic{
		Range:    toRange(s.encoding, d.At.File, d.At.Span),
		Severity: severity,
		Code:     protocol.String(d.Code),
		Source:   protocol.NewOptional("rigx"),
		Message:  protocol.String(message),
	}
	for _, r := range d.Related {
		if r.At.IsZero() {
			continue
		}
		out.RelatedInformation = append(out.RelatedInformation, protocol.DiagnosticRelatedInformation{
			Location: protocol.Location{URI: uri.File(r.At.File.Path), Range: toRange(s.encoding, r.At.File, r.At.Span)},
			Message:  r.Message,
		})
	}
	return out
}
