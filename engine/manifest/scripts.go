package manifest

import (
	"strings"
	"sync"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
	"github.com/rigx-build/rigx/engine/manifest/shell"
)

// Scripts remembers what was read of scripts, so that a project which is loaded
// again and again reads each once. The zero value is ready, and safe for
// concurrent use.
type Scripts struct {
	mu   sync.Mutex
	read map[string]*shell.Script
}

// maxScripts bounds what is remembered; beyond it all is forgotten.
const maxScripts = 20_000

func (s *Scripts) parse(text string) *shell.Script {
	if s == nil {
		return shell.Parse(text)
	}
	s.mu.Lock()
	script := s.read[text]
	s.mu.Unlock()
	if script != nil {
		return script
	}
	script = shell.Parse(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.read == nil || len(s.read) >= maxScripts {
		s.read = map[string]*shell.Script{}
	}
	s.read[strings.Clone(text)] = script
	return script
}

// CheckScripts judges the bash in all targets. It is apart from loading, as it
// takes longer than all else and finds nothing that a build would trip over
// before bash does.
func (m *Manifest) CheckScripts(scripts *Scripts) []*diagnostic.Diagnostic {
	var found diagnostic.List
	inChunks(len(m.Targets), &found, func(from, to int, found *diagnostic.List) {
		for _, t := range m.Targets[from:to] {
			m.checkScripts(t, scripts, found)
		}
	})
	return found.All()
}

// Script reads the bash in a string of a target. Offsets in it are offsets in
// the decoded string.
func (m *Manifest) Script(t *Target, text string, scripts *Scripts) *shell.Script {
	return scripts.parse(m.bash(t, text))
}

// bash is a script with each ${…} that Nix replaces masked by as many letters,
// so that it reads like the path that will stand there. An escaped ”${ needs
// no change: the quotes are an empty word to bash.
func (m *Manifest) bash(t *Target, text string) string {
	if !strings.Contains(text, "${") && !strings.Contains(text, "'''") {
		return text
	}
	parts, _ := ParseTemplate(text)
	masked := []byte(text)
	for _, p := range parts {
		if p.Ref == "" {
			continue
		}
		if !t.Buildable() {
			if _, ok := m.Resolve(t, p.Ref); !ok {
				continue // the shell's own
			}
		}
		from := strings.LastIndex(text[:p.Start], "${")
		to := p.End + strings.IndexByte(text[p.End:], '}')
		for i := from; i <= to; i++ {
			masked[i] = 'x'
		}
		masked[from] = '/'
	}
	return strings.ReplaceAll(string(masked), "'''", "''x")
}

func (m *Manifest) checkScripts(t *Target, scripts *Scripts, found *diagnostic.List) {
	var check func(f *Fields)
	check = func(f *Fields) {
		for i := range f.values {
			v := &f.values[i]
			for j := range v.Records {
				check(&v.Records[j].Fields)
			}
			if v.Field.Content != schema.Script || v.Field.Kinds != 0 && !v.Field.Kinds.Has(t.Kind) || len(v.Strings) == 0 {
				continue
			}
			s := v.Strings[0]
			if strings.IndexByte(s.Value, 0) >= 0 {
				continue // reported already
			}
			script := m.Script(t, s.Value, scripts)
			if script.Fault != nil {
				found.Add(diagnostic.ShellSyntax, s.Within(script.Fault.Start, script.Fault.End), "bash cannot read this: "+script.Fault.Message)
			}
			if t.Buildable() && t.Kind != schema.Capsule {
				m.checkCommands(t, s, script, found)
			}
		}
	}
	check(&t.Fields)
	for _, v := range t.Variants {
		check(&v.Fields)
	}
}

// checkCommands reports programs that no dependency seems to bring.
func (m *Manifest) checkCommands(t *Target, s String, script *shell.Script, found *diagnostic.List) {
	for _, w := range script.Runs() {
		pkg := shell.Package(w.Text)
		if pkg == "" || t.brings(w.Text) {
			continue
		}
		d := found.Add(diagnostic.UndeclaredProgram, s.Within(w.Start, w.End), "`"+w.Text+"` is not among the dependencies of `"+t.Local.Value+"`")
		d.Help = append(d.Help, "add \""+pkg+"\" to deps.nixpkgs")
	}
}

// brings reports whether a dependency may well have a program.
func (t *Target) brings(program string) bool {
	provides := func(f *Fields) bool {
		for _, field := range []*schema.Field{schema.DepsNixpkgs, schema.NativeBuildInputs} {
			for _, s := range f.List(field) {
				if shell.Provides(s.Value, program) {
					return true
				}
			}
		}
		return false
	}
	if provides(&t.Fields) {
		return true
	}
	for _, v := range t.Variants {
		if provides(&v.Fields) {
			return true
		}
	}
	for i := range t.Edges {
		// What another target or project brings is not known here.
		if e := &t.Edges[i]; e.Kind != ToNixpkgs || shell.Provides(e.Name, program) {
			return true
		}
	}
	return false
}
