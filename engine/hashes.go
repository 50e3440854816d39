package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/nix"
	"github.com/rigx-build/rigx/nixgen"
)

// HashFix is a hash that rigx.toml must have for a build to succeed: what was
// installed, or what is in a directory of this machine, has another one.
type HashFix struct {
	// At is the hash in rigx.toml, or the target that lacks one.
	At manifest.Location
	// Line is what to write, such as `python_venv_hash = "sha256-…"`.
	Line string

	field *schema.Field // nil if it is not that of a target
	// edits write it; there are several if targets share what has the hash, and
	// none if it cannot be written.
	edits []manifest.Edit
}

// help says what to do about a wrong hash.
func (f *HashFix) help() []string {
	at := f.At.File.Position(f.At.Span.Start)
	return []string{
		fmt.Sprintf("%s:%d: if the change is meant, write %s", f.At.File.Name, at.Line+1, f.Line),
		"`rigx build --update-hashes` writes it",
	}
}

// UpdateHashes writes the hashes that failed builds asked for into the files of
// the project, leaving the rest of them as it is. It returns how many it wrote.
func (w *Workspace) UpdateHashes(results []Result) (int, error) {
	byFile := map[string][]manifest.Edit{}
	for _, r := range results {
		if r.Fix == nil {
			continue
		}
		for _, e := range r.Fix.edits {
			if !slices.Contains(byFile[e.File.Path], e) {
				byFile[e.File.Path] = append(byFile[e.File.Path], e)
			}
		}
	}
	n := 0
	for path, edits := range byFile {
		slices.SortFunc(edits, func(a, b manifest.Edit) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
		text, err := os.ReadFile(path) // which may have been edited while the build ran
		if err != nil {
			return n, err
		}
		edits, ok := moved(edits, edits[0].File.Tree.Text, string(text))
		if !ok {
			return n, &Error{
				Code: diagnostic.Unwritable, Message: path + " was edited while the build ran, where its hashes are; nothing was written to it",
				Help: []string{"run the same again"},
			}
		}
		if err := writeAtomic(path, manifest.Apply(string(text), edits)); err != nil {
			return n, unwritable(path, err)
		}
		n += len(edits)
	}
	return n, nil
}

// moved returns edits of one text as edits of what it was changed to. It fails if they
// touch what changed.
func moved(edits []manifest.Edit, before, now string) ([]manifest.Edit, bool) {
	same := 0 // at the beginning
	for same < len(before) && same < len(now) && before[same] == now[same] {
		same++
	}
	tail := 0
	for tail < min(len(before), len(now))-same && before[len(before)-1-tail] == now[len(now)-1-tail] {
		tail++
	}
	out := slices.Clone(edits)
	for i := range out {
		switch span := &out[i].Span; {
		case int(span.End) <= same:
		case int(span.Start) >= len(before)-tail:
			shift := uint32(len(now)) - uint32(len(before)) // which may wrap around
			span.Start, span.End = span.Start+shift, span.End+shift
		default:
			return nil, false
		}
	}
	return out, true
}

// packagesFix finds the target whose packages gave another hash, and all that
// share them.
func (s *session) packagesFix(failed *nix.BuildError) *HashFix {
	var fix *HashFix
	name, value := nix.DerivationName(failed.DrvPath), `"`+failed.Hash.Got+`"`
	for _, t := range s.w.Manifest.Targets {
		for _, u := range t.Units() {
			field, prefix := schema.PythonVenvHash, nixgen.PackagesName(u)
			if t.Kind != schema.PythonScript {
				field = schema.GoModulesHash
				if u.Fields().Get(field) == nil {
					continue
				}
				prefix = nixgen.ModulesName(nixgen.ModuleDir(s.w.Files.Of(u)))
			}
			rest, ok := strings.CutPrefix(name, prefix+"-")
			if !ok || strings.Contains(rest, "-") {
				continue
			}
			if fix == nil {
				fix = &HashFix{At: t.Local.At, Line: field.Name + " = " + value, field: field}
			}
			if v := u.Fields().Get(field); v != nil {
				if len(fix.edits) == 0 {
					fix.At = v.At
				}
				fix.edits = append(fix.edits, manifest.Edit{File: v.At.File, Span: v.At.Span, Text: value})
			} else if edit, ok := t.SetText(field, value); ok {
				fix.edits = append(fix.edits, edit)
			}
		}
	}
	return fix
}

// changedPath is what Nix says of a builtins.path that has another hash.
var changedPath = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`path added from '([^']+)'|hash mismatch.*path '([^']+)'`)
})

// externalFix finds the external input whose directory has another hash.
func (s *session) externalFix(ctx context.Context, failed *nix.EvalError) (*HashFix, error) {
	m := changedPath().FindStringSubmatch(failed.Message)
	if m == nil {
		return nil, failed
	}
	dir := filepath.Clean(cmp.Or(m[1], m[2]))
	for _, in := range s.w.Manifest.External {
		for _, b := range in.Buckets {
			if b.Hash.Value == "" || filepath.Clean(os.Getenv(b.Env.Value)) != dir {
				continue
			}
			hash, err := s.nix.HashPath(ctx, dir)
			if err != nil {
				return nil, err
			}
			value := `"` + hash + `"`
			return &HashFix{
				At: b.Hash.At, Line: value,
				edits: []manifest.Edit{{File: b.Hash.At.File, Span: b.Hash.At.Span, Text: value}},
			}, nil
		}
	}
	return nil, failed
}

// explainHash turns a failure because of a hash into one with a remedy.
func (s *session) explainHash(r *Result, failed *nix.BuildError) {
	if r.Fix = s.packagesFix(failed); r.Fix == nil {
		return
	}
	message := "what uv installed has another hash than python_venv_hash says"
	switch {
	case r.Fix.field == schema.GoModulesHash:
		message = "the modules that Go downloaded have another hash than go_modules_hash says"
	case len(r.Fix.edits) > 0 && r.Fix.edits[0].Span.Len() == 0:
		message = "python_venv_hash is missing"
	}
	r.Err = &Error{Code: diagnostic.HashMismatch, Message: message, Help: r.Fix.help(), Err: failed}
}

// explainEval turns an error of the evaluation into one in the project's terms.
func (s *session) explainEval(ctx context.Context, r *Result, failed *nix.EvalError) {
	fix, err := s.externalFix(ctx, failed)
	var other *nix.EvalError
	switch {
	case errors.As(err, &other):
		r.Err = s.evalError(r.Attr, other)
	case err != nil:
		r.Err = err
	default:
		r.Fix = fix
		r.Err = &Error{
			Code: diagnostic.HashMismatch, Message: "a directory of an external input has another content than its sha256 says",
			Help: fix.help(), Err: failed,
		}
	}
}
