package engine

import (
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/nix"
)

// foreign is the error about a derivation that another kind of machine has to
// build.
func foreign(failed *nix.BuildError) *Error {
	return &Error{
		Code: diagnostic.ForeignSystem, Message: nix.DerivationName(failed.DrvPath) + ": " + failed.Reason,
		Help: []string{
			"let it run such programs: on Debian `apt-get install qemu-user-static binfmt-support` and `extra-platforms = " + failed.System +
				"` in nix.conf, on NixOS `boot.binfmt.emulatedSystems = [ \"" + failed.System + "\" ]`",
			"or build it elsewhere: --builders 'ssh://HOST " + failed.System + "'",
		},
	}
}
