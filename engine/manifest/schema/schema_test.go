package schema

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the reference into the README")

// TestReference keeps the README's reference page what the table says.
func TestReference(t *testing.T) {
	const begin, end = "<!-- The reference is written by `go test ./engine/manifest/schema -update`. -->\n", "<!-- End of the reference. -->\n"
	path := filepath.Join("..", "..", "..", "README.md")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(data), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the reference", path)
	}
	want := before + begin + "\n" + Reference() + "\n" + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Errorf("%s is not what the table says; -update writes it:\n%s", path, diff)
	}
}

// TestTable holds what every row must have.
func TestTable(t *testing.T) {
	var all []*Field
	for _, s := range Sections {
		if s.Doc == "" {
			t.Errorf("%s has no documentation", s.Header())
		}
		all = append(all, s.Fields...)
	}
	all = append(append(all, TargetFields...), Include)
	for _, f := range all {
		if f.Doc == "" || !strings.HasSuffix(strings.TrimSpace(f.Doc), ".") {
			t.Errorf("%s: the documentation is no sentence: %q", f.Name, f.Doc)
		}
		if f.Default != "" && f.Required {
			t.Errorf("%s is required and has a default", f.Name)
		}
	}
	for _, f := range TargetFields {
		if f.Kinds == 0 {
			t.Errorf("%s is for no kind", f.Name)
		}
		if f.RequiredBy&^f.Kinds != 0 {
			t.Errorf("%s is required by kinds that do not use it", f.Name)
		}
		if got := TargetField(f.Name); got != f {
			t.Errorf("TargetField(%q) = %v", f.Name, got)
		}
	}
	for i, row := range KindTable {
		if row.Kind != Kind(i+1) || ParseKind(row.Name) != row.Kind || row.Kind.String() != row.Name {
			t.Errorf("row %d is %v", i, row)
		}
		if row.Summary == "" || strings.TrimSpace(row.Doc) == "" || row.Snippet == "" {
			t.Errorf("kind %s is not documented", row.Name)
		}
		if len(FieldsOf(row.Kind)) < 3 {
			t.Errorf("kind %s has hardly a field", row.Name)
		}
	}
	if slices.Contains(KindNames(), "") {
		t.Error("a kind has no name")
	}
}

func TestJSONSchema(t *testing.T) {
	data, err := json.Marshal(JSONSchema())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range TopLevel {
		if !strings.Contains(string(data), `"`+s+`"`) {
			t.Errorf("the schema lacks %s", s)
		}
	}
	for _, f := range TargetFields {
		if !strings.Contains(string(data), `"`+f.Key()+`"`) {
			t.Errorf("the schema lacks %s", f.Name)
		}
	}
}
