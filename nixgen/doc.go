// Package nixgen turns a loaded project into the text of its flake.nix.
//
//	err := nixgen.Flake(os.Stdout, m, files, nixgen.Options{Version: "0.10.0"})
//
// It reads nothing but its arguments and takes time linear in their size. The
// frame of the flake is in flake.go; each kind of target and each language has
// a file of its own. Every string of the user's reaches Nix and the shell
// through quote.go, and nowhere else.
package nixgen
