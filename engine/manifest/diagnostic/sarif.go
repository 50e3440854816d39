package diagnostic

import (
	"encoding/json"
	"io"
	"strings"
)

// The part of SARIF 2.1.0 that code scanning services read.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string    `json:"id"`
		Short sarifText `json:"shortDescription"`
		Help  sarifText `json:"help"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine"`
		EndColumn   int `json:"endColumn"`
	}
)

func writeSARIF(w io.Writer, ds []*Diagnostic) error {
	run := sarifRun{Tool: sarifTool{Driver: sarifDriver{Name: "rigx"}}, Results: []sarifResult{}}
	used := map[Code]bool{}
	for _, d := range ds {
		if !used[d.Code] {
			used[d.Code] = true
			e, _ := Explain(string(d.Code))
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
				ID: string(d.Code), Short: sarifText{e.Title}, Help: sarifText{strings.TrimSpace(e.Text)},
			})
		}
		result := sarifResult{RuleID: string(d.Code), Level: d.Severity.String(), Message: sarifText{d.Message}}
		if !d.At.IsZero() {
			p := place(d.At)
			result.Locations = []sarifLocation{{sarifPhysical{
				sarifArtifact{p.File}, sarifRegion{p.Line, p.Column, p.EndLine, p.EndColumn},
			}}}
		}
		run.Results = append(run.Results, result)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0",
		Runs:    []sarifRun{run},
	})
}
