package nix

import (
	"fmt"
	"strconv"
)

// Version of a Nix.
type Version struct {
	// Flavor is "Nix", "Lix" or "Determinate Nix".
	Flavor       string
	Major, Minor int
	// Text is the whole answer of `nix --version`.
	Text string
}

var versionLine = lazily(`^nix \(([^)]*)\) (\d+)\.(\d+)`)

// parseVersion reads the answer of `nix --version`:
//
//	nix (Nix) 2.8.0
//	nix (Lix, like Nix) 2.93.0
//	nix (Determinate Nix 3.6.2) 2.29.0
func parseVersion(text string) (Version, error) {
	m := versionLine().FindStringSubmatch(text)
	if m == nil {
		return Version{}, fmt.Errorf("cannot read the version of Nix from %q", text)
	}
	v := Version{Flavor: "Nix", Text: text}
	switch {
	case len(m[1]) >= 3 && m[1][:3] == "Lix":
		v.Flavor = "Lix"
	case len(m[1]) >= 11 && m[1][:11] == "Determinate":
		v.Flavor = "Determinate Nix"
	}
	v.Major, _ = strconv.Atoi(m[2])
	v.Minor, _ = strconv.Atoi(m[3])
	return v, nil
}

// atLeast reports whether this is 2.minor or later.
func (v Version) atLeast(minor int) bool {
	return v.Major > 2 || v.Major == 2 && v.Minor >= minor
}

// installable is how this Nix wants to be told to build all outputs of a
// derivation: the plain path meant all outputs up to 2.14, and means the file
// itself since 2.15.
func (v Version) installable(drvPath string) string {
	if v.atLeast(15) {
		return drvPath + "^*"
	}
	return drvPath
}

// updateFlake is the command that moves all inputs of a flake: what follows
// `nix flake update` became the names of inputs with 2.19.
func (v Version) updateFlake(url string) []string {
	if v.atLeast(19) {
		return []string{"flake", "update", "--flake", url}
	}
	return []string{"flake", "update", url}
}

// supported is the oldest version with flakes as they are today.
func (v Version) supported() bool { return v.atLeast(4) }
