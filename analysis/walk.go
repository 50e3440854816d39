package analysis

import "github.com/rigx-build/rigx/engine/manifest/syntax"

// eachString calls visit for every string among the values of a table that
// stands at a field of the schema, in order.
func eachString(t *syntax.Table, visit func(p Place, v *syntax.Value)) {
	var entries func(above []syntax.Key, list []syntax.Entry)
	var value func(path []syntax.Key, v *syntax.Value)
	value = func(path []syntax.Key, v *syntax.Value) {
		switch v.Kind {
		case syntax.InlineTable:
			entries(path, v.Entries)
		case syntax.Array:
			for i := range v.Items {
				value(path, &v.Items[i])
			}
		case syntax.String:
			if p := (Cursor{Path: path}).Place(); p.Field != nil {
				visit(p, v)
			}
		}
	}
	entries = func(above []syntax.Key, list []syntax.Entry) {
		for i := range list {
			value(join(above, list[i].Path), &list[i].Value)
		}
	}
	entries(t.Path, t.Entries)
}
