package nixgen

import (
	"bytes"
)

// packageDefault writes packages.default: the whole project as a Python application.
func (w *writer) packageDefault() {
	in := w.m.Project.Install
	buildSystem := []string{"setuptools"}
	if in.BuildSystem != nil {
		buildSystem = nil
		for _, s := range in.BuildSystem {
			buildSystem = append(buildSystem, s.Value)
		}
	}
	b := w.body
	b.WriteString("        default = pkgs.python3Packages.buildPythonApplication {\n")
	b.WriteString(indent + "pname = " + NixString(storeName(w.m.Project.Name.Value)) + ";\n")
	b.WriteString(indent + "version = " + NixString(storeName(w.m.Project.Version.Value)) + ";\n")
	b.WriteString(indent + "pyproject = true;\n")
	b.WriteString(indent + "src = " + wholeTree + ";\n")
	list(b, "build-system", prefixed("pkgs.python3Packages.", buildSystem))
	var packages, tools []string
	for _, s := range in.PythonPackages {
		packages = append(packages, s.Value)
	}
	for _, s := range in.RuntimePath {
		tools = append(tools, s.Value)
	}
	list(b, "dependencies", prefixed("pkgs.python3Packages.", packages))
	if len(tools) > 0 {
		b.WriteString(indent + "makeWrapperArgs = [ \"--prefix\" \"PATH\" \":\" (pkgs.lib.makeBinPath [")
		for _, t := range prefixed("pkgs.", tools) {
			write(b, " ", t.head, t.attr)
		}
		b.WriteString(" ]) ];\n")
	}
	b.WriteString("        };\n")
}

func prefixed(prefix string, attrs []string) []expr {
	out := make([]expr, len(attrs))
	for i, a := range attrs {
		out[i] = expr{prefix, attrPath(a)}
	}
	return out
}

// apps writes apps.default, which `nix run` starts.
func (g *generator) apps(b *bytes.Buffer) {
	program := text(nil).name("self.packages.${system}.default").lit("/bin/" + g.m.Project.Install.Bin.Value)
	b.WriteString("\n      apps = eachSystem (system: {\n        default = {\n          type = \"app\";\n          program = ")
	nixString(b, program)
	b.WriteString(";\n        };\n      });\n")
}
