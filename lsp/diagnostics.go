package lsp

import (
	"context"
	"slices"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/rigx-build/rigx/analysis"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
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

// A publisher tells the client what was found.
type publisher struct {
	*Server
	known map[string]published // by path
}

// publish tells the client of findings whenever the state changes: at once for
// open documents, once per version, and after a pause for the other files of
// their projects.
func (s *Server) publish(ctx context.Context) {
	p := &publisher{Server: s, known: map[string]published{}}
	idle := time.NewTimer(pause)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.changed:
			s.guarded("diagnostics", func() {
				st := s.current.Load()
				if r := st.revised(); r != nil {
					p.tell(ctx, r.doc.path, published{r.doc.version, true, p.toDiagnostics(r.Diagnostics())})
				} else {
					p.all(ctx, st, false)
				}
			})
			idle.Reset(pause)
		case <-idle.C:
			s.guarded("diagnostics", func() { p.all(ctx, s.current.Load(), true) })
		}
	}
}

func (s *Server) guarded(what string, work func()) {
	defer func() {
		if r := recover(); r != nil {
			s.logPanic(what, r)
		}
	}()
	work()
}

// all judges the projects of all open documents.
func (p *publisher) all(ctx context.Context, st *state, closedToo bool) {
	begun := time.Now()
	p.judgement.Store(nil)
	st.short.close()
	current := map[string]bool{} // paths that still have a say
	done := map[*analysis.Snapshot]bool{}
	for path, doc := range st.docs {
		project, file := st.project(path)
		if project == nil {
			current[path] = true
			p.tell(ctx, path, published{doc.version, true, nil})
			continue
		}
		current[path] = true
		p.tell(ctx, path, published{doc.version, true, p.toDiagnostics(project.Diagnostics(file))})
		if done[project] {
			continue
		}
		done[project] = true
		select {
		case p.seen <- project.Manifest.Dir:
		default: // it is told again after the next change
		}
		if closedToo {
			go p.guarded("packages", func() { p.learnPackages(ctx, project) })
		}
		for _, f := range project.Manifest.Files {
			if st.docs[f.Path] != nil {
				continue
			}
			current[f.Path] = true
			if closedToo {
				p.tell(ctx, f.Path, published{found: p.toDiagnostics(project.Diagnostics(f))})
			}
		}
	}
	for path, was := range p.known {
		if !current[path] || was.open && st.docs[path] == nil && !closedToo {
			p.tell(ctx, path, published{})
		}
	}
	p.judgement.Store(st.judged())
	p.logInfo("%d projects and %d documents judged in %v", len(done), len(st.docs), time.Since(begun).Round(100*time.Microsecond))
}

// tell publishes what is new.
func (p *publisher) tell(ctx context.Context, path string, now published) {
	if p.features.pull {
		return
	}
	was, told := p.known[path]
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
	if p.client.PublishDiagnostics(ctx, params) != nil {
		return
	}
	p.known[path] = now
	if !now.open && len(now.found) == 0 {
		delete(p.known, path)
	}
}

func equalDiagnostics(a, b protocol.Diagnostic) bool {
	return a.Range == b.Range && a.Code == b.Code && a.Message == b.Message && a.Severity == b.Severity &&
		slices.EqualFunc(a.RelatedInformation, b.RelatedInformation, func(x, y protocol.DiagnosticRelatedInformation) bool { return x == y })
}

// maxShown is how many findings a client is told of a file, the first ones.
const maxShown = 1000

func (s *Server) toDiagnostics(found []*diagnostic.Diagnostic) []protocol.Diagnostic {
	found = found[:min(len(found), maxShown)]
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
