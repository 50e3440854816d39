package engine

import (
	"regexp"
	"sync"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/nix"
)

// foreignSystem matches what Nix says of a derivation for another system, up to
// 2.2x in one sentence, newer ones in lines.
var foreignSystem = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s)a '([^']+)' with features .* is required to build '([^']+\.drv)', but I am a '([^']+)'` +
		`|[Cc]annot build '([^']+\.drv)'.*Required system: '([^']+)'.*Current system: '([^']+)'`)
})

// explainForeign turns such a failure into one with a remedy, and says whether it
// is one.
func explainForeign(r *Result, failed *nix.BuildError) bool {
	m := foreignSystem().FindStringSubmatch(failed.Reason)
	if m == nil {
		return false
	}
	wanted, drv, here := m[1], m[2], m[3]
	if wanted == "" {
		drv, wanted, here = m[4], m[5], m[6]
	}
	r.Err = &Error{
		Code:    diagnostic.ForeignSystem,
		Message: "only a " + wanted + " can build " + nix.DerivationName(drv) + ", and this machine is a " + here,
		Help: []string{
			"let it run such programs: on Debian `apt-get install qemu-user-static binfmt-support` and `extra-platforms = " + wanted + "` in nix.conf, on NixOS `boot.binfmt.emulatedSystems = [ \"" + wanted + "\" ]`",
			"or build it elsewhere: --builders 'ssh://HOST " + wanted + "'",
		},
	}
	return true
}
