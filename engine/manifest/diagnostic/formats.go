package diagnostic

import (
	"encoding/json"
	"fmt"
	"io"
)

// Write writes ds to w in the given format: "human", "json", "sarif" or
// "github". Style matters to the human one only.
func Write(w io.Writer, format string, ds []*Diagnostic, style Style) error {
	switch format {
	case "human":
		return writeHuman(w, ds, style)
	case "json":
		return writeJSON(w, ds)
	case "sarif":
		return writeSARIF(w, ds)
	case "github":
		return WriteGitHub(w, ds, "")
	}
	return fmt.Errorf("unknown format %q; use human, json, sarif or github", format)
}

// Formats lists what [Write] knows.
var Formats = []string{"human", "json", "sarif", "github"}

func writeHuman(w io.Writer, ds []*Diagnostic, style Style) error {
	for _, d := range ds {
		if _, err := fmt.Fprintln(w, Render(d, style)); err != nil {
			return err
		}
	}
	return nil
}

// jsonPlace counts lines and columns from one; columns in characters.
type jsonPlace struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndLine   int    `json:"end_line"`
	EndColumn int    `json:"end_column"`
}

type jsonDiagnostic struct {
	Code       Code      `json:"code"`
	Severity   string    `json:"severity"`
	Message    string    `json:"message"`
	Place      jsonPlace `json:"place"`
	Label      string    `json:"label,omitempty"`
	Help       []string  `json:"help,omitempty"`
	Suggestion string    `json:"suggestion,omitempty"`
	Related    []related `json:"related,omitempty"`
}

type related struct {
	Message string    `json:"message"`
	Place   jsonPlace `json:"place"`
}

func place(at Location) jsonPlace {
	if at.IsZero() {
		return jsonPlace{}
	}
	from, to := at.File.Position(at.Span.Start), at.File.Position(at.Span.End)
	return jsonPlace{
		File: at.File.Name, Line: from.Line + 1, Column: column(at, from.Line, from.Column),
		EndLine: to.Line + 1, EndColumn: column(at, to.Line, to.Column),
	}
}

func column(at Location, line, bytes int) int {
	text := at.File.Line(line)
	return len([]rune(text[:min(bytes, len(text))])) + 1
}

func writeJSON(w io.Writer, ds []*Diagnostic) error {
	out := make([]jsonDiagnostic, len(ds))
	for i, d := range ds {
		out[i] = jsonDiagnostic{
			Code: d.Code, Severity: d.Severity.String(), Message: d.Message, Place: place(d.At),
			Label: d.Label, Help: d.Help, Suggestion: d.Suggestion,
		}
		for _, r := range d.Related {
			out[i].Related = append(out[i].Related, related{r.Message, place(r.At)})
		}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}
