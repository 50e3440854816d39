package lsp

import (
	"context"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"
)

// CodeLens offers the commands above targets. In a workspace that is not
// trusted there are none.
func (s *Server) CodeLens(ctx context.Context, params *protocol.CodeLensParams) ([]protocol.CodeLens, error) {
	st := stateOf(ctx)
	project, file := st.project(pathOf(params.TextDocument.URI))
	if project == nil || !st.settings.trusted() {
		return []protocol.CodeLens{}, nil
	}
	lenses := project.Lenses(file)
	last := s.results.of(project.Manifest.Dir)
	out := make([]protocol.CodeLens, 0, len(lenses))
	runs := false // the capsule that the lens before and this one may start and stop
	for _, l := range lenses {
		title := l.Title
		switch l.Verb {
		case "watch":
		case "start":
			// It may end at any time: asked twice, there could be two lenses or none.
			if runs = running(last, l.Name); runs {
				continue
			}
		case "stop":
			if !runs {
				continue
			}
			title += " ● running"
		default:
			title = strings.TrimRight(title+outcome(last, l.Name), " ")
		}
		command, err := rigxCommand(l.Verb, title, commandArgument{Project: uri.File(project.Manifest.Dir), Target: l.Name})
		if err != nil {
			return nil, err
		}
		out = append(out, protocol.CodeLens{Range: toRange(s.encoding, file, l.Span), Command: command})
	}
	return out, nil
}

// refreshLenses makes the client ask for lenses again.
func (s *Server) refreshLenses() {
	if s.features.lensRefresh {
		go func() { _ = s.client.CodeLensRefresh(context.Background()) }()
	}
}
