//go:build !linux

package testbed

import (
	"fmt"
	"net/netip"
	"runtime"
)

// aliasHint says what to do if an address of the loopback cannot be used. Only
// Linux has all of them from the start.
func aliasHint(a netip.Addr) string {
	if a == localhost || runtime.GOOS != "darwin" {
		return ""
	}
	return fmt.Sprintf("; on macOS run first: sudo ifconfig lo0 alias %v", a)
}

// holder says which process listens at an endpoint, which is known on Linux only.
func holder(Proto, netip.AddrPort) string { return "" }
