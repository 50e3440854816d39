package testbed

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// aliasHint says what to do if an address of the loopback cannot be used. Linux
// has all of them.
func aliasHint(netip.Addr) string { return "" }

// holder says which process listens at an endpoint, as far as it may be known.
func holder(proto Proto, at netip.AddrPort) string {
	inode := socketInode(proto, at)
	if inode == "" {
		return ""
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, path := range links {
		if target, err := os.Readlink(path); err == nil && target == "socket:["+inode+"]" {
			pid := strings.Split(path, "/")[2]
			name, _ := os.ReadFile("/proc/" + pid + "/comm")
			return fmt.Sprintf(" (process %s, %s, listens there)", pid, strings.TrimSpace(string(name)))
		}
	}
	return " (a process of another user listens there)"
}

// socketInode finds the socket that occupies an endpoint: one that listens at it,
// or at its port of all addresses.
func socketInode(proto Proto, at netip.AddrPort) string {
	// The thread's own: the first one of the process may have ended up in a
	// [Namespace].
	const tables = "/proc/thread-self/net/"
	for _, table := range []string{tables + proto.String(), tables + proto.String() + "6"} {
		f, err := os.Open(table)
		if err != nil {
			continue
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			if len(fields) < 10 || proto == TCP && fields[3] != "0A" { // TCP_LISTEN
				continue
			}
			hexAddr, hexPort, ok := strings.Cut(fields[1], ":")
			port, err := strconv.ParseUint(hexPort, 16, 16)
			if !ok || err != nil || uint16(port) != at.Port() {
				continue
			}
			any := strings.Trim(hexAddr, "0") == ""
			if any || at.Addr().IsUnspecified() || hexAddr == kernelHex(at.Addr()) {
				return fields[9]
			}
		}
	}
	return ""
}

// kernelHex is an IPv4 address as /proc/net writes it: the number as it lies in
// memory.
func kernelHex(a netip.Addr) string {
	b := a.As4()
	return fmt.Sprintf("%08X", binary.NativeEndian.Uint32(b[:]))
}
