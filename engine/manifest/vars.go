package manifest

import (
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
)

const varPrefix = "$vars."

// expander gives a decoder of targets the variables of the whole project.
func (m *Manifest) expander(diags *diagnostic.List) func(String, []String) ([]String, bool) {
	return func(s String, into []String) ([]String, bool) {
		name := s.Value[len(varPrefix):]
		if v := m.vars[name]; v != nil {
			if !v.used.Load() {
				v.used.Store(true)
			}
			return append(into, v.Values...), true
		}
		d := diags.Add(diagnostic.UnknownVariable, s.Within(len(varPrefix), len(s.Value)), "unknown variable `"+name+"`")
		names := make([]string, len(m.Vars))
		for i, v := range m.Vars {
			names[i] = v.Name.Value
		}
		if !didYouMean(d, name, names) && len(m.Vars) == 0 {
			d.Help = append(d.Help, "add a [vars] table with `"+name+" = [\"…\"]`")
		}
		return into, true
	}
}

// VariableReference returns the name in "$vars.name" if all of s is one.
func VariableReference(s string) (string, bool) {
	return strings.CutPrefix(s, varPrefix)
}
