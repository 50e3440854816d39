// Package rigx carries the README, which is part of the manual inside the
// program: see package docs. The programs are in cmd/, what they do in engine/.
package rigx

import _ "embed"

// Readme is the text of README.md.
//
//go:embed README.md
var Readme string
