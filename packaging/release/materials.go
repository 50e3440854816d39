package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// The part of CycloneDX 1.5 that is written.
type (
	billOfMaterials struct {
		BomFormat   string      `json:"bomFormat"`
		SpecVersion string      `json:"specVersion"`
		Version     int         `json:"version"`
		Metadata    metadata    `json:"metadata"`
		Components  []component `json:"components"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type       string     `json:"type"`
		Ref        string     `json:"bom-ref"`
		Name       string     `json:"name"`
		Version    string     `json:"version,omitempty"`
		PackageURL string     `json:"purl,omitempty"`
		Hashes     []hash     `json:"hashes,omitempty"`
		Licenses   []license  `json:"licenses,omitempty"`
		Properties []property `json:"properties,omitempty"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	license struct {
		License struct {
			ID string `json:"id"`
		} `json:"license"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
)

// materials lists the programs of an archive and the modules that Go linked into
// them, as the programs themselves say.
func (r *release) materials(name string, programs []file) ([]byte, error) {
	ours := license{}
	ours.License.ID = "BSD-2-Clause"
	bom := billOfMaterials{
		BomFormat: "CycloneDX", SpecVersion: "1.5", Version: 1,
		Metadata: metadata{
			Timestamp: r.time.Format(time.RFC3339),
			Component: component{Type: "application", Ref: name, Name: "rigx", Version: r.version, Licenses: []license{ours}},
		},
	}
	modules := map[string]component{}
	for _, p := range programs {
		info, err := buildinfo.Read(bytes.NewReader(p.data))
		if err != nil {
			return nil, err
		}
		bom.Components = append(bom.Components, component{
			Type: "file", Ref: p.name, Name: p.name, Hashes: []hash{{"SHA-256", sum(p.data)}}, Licenses: []license{ours},
		})
		version := strings.TrimPrefix(info.GoVersion, "go")
		std := "pkg:golang/std@" + version
		modules[std] = component{Type: "library", Ref: std, Name: "std", Version: version, PackageURL: std}
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			url := "pkg:golang/" + m.Path + "@" + m.Version
			modules[url] = component{
				Type: "library", Ref: url, Name: m.Path, Version: m.Version, PackageURL: url,
				Properties: []property{{"go.sum", m.Sum}},
			}
		}
	}
	first := len(bom.Components)
	for _, m := range modules {
		bom.Components = append(bom.Components, m)
	}
	slices.SortFunc(bom.Components[first:], func(a, b component) int { return strings.Compare(a.Ref, b.Ref) })
	text, err := json.MarshalIndent(bom, "", "  ")
	return append(text, '\n'), err
}
