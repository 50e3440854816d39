package manifest

import (
	"slices"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
)

const varPrefix = "$vars."

// maxExpanded bounds how many values the variables of a project stand for: a list of n
// of them with n values each has n².
const maxExpanded = 1 << 22

// expand appends the values of the variable that s refers to.
func (d *decoder) expand(s String, into []String) []String {
	name := s.Value[len(varPrefix):]
	if v := d.variables.vars[name]; v != nil {
		n := int64(len(v.Values))
		if left := d.room.Add(-n); left < 0 {
			if left+n >= 0 { // the first
				d.diags.Add(diagnostic.BadValue, s.At, "with the values of `"+name+"`, the variables in the lists of the project stand for too many")
			}
			return into
		}
		if !slices.Contains(d.used, v) {
			d.used = append(d.used, v)
		}
		return append(into, v.Values...)
	}
	diag := d.diags.Add(diagnostic.UnknownVariable, s.Within(len(varPrefix), len(s.Value)), "unknown variable `"+name+"`")
	names := make([]string, len(d.variables.Vars))
	for i, v := range d.variables.Vars {
		names[i] = v.Name.Value
	}
	if !didYouMean(diag, name, names) && len(names) == 0 {
		diag.Help = append(diag.Help, "add a [vars] table with `"+name+" = [\"…\"]`")
	}
	return into
}

// VariableReference returns the name in "$vars.name" if all of s is one.
func VariableReference(s string) (string, bool) {
	return strings.CutPrefix(s, varPrefix)
}
