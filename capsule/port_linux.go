package capsule

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// socket is a line of /proc/net/tcp or udp.
type socket struct {
	addr  netip.AddrPort
	inode string
}

// listeners are the sockets of a process's network namespace that listen, or
// for UDP are bound; false if it cannot be seen.
func listeners(pid, network string) ([]socket, bool) {
	var out []socket
	seen := false
	for _, family := range []string{network, network + "6"} {
		f, err := os.Open(filepath.Join("/proc", pid, "net", family))
		if err != nil {
			continue
		}
		seen = true
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			fields := strings.Fields(lines.Text())
			// 0A is TCP_LISTEN, 07 an unconnected UDP socket.
			if len(fields) < 10 || fields[3] != "0A" && fields[3] != "07" {
				continue
			}
			if addr, ok := procAddr(fields[1]); ok {
				out = append(out, socket{addr, fields[9]})
			}
		}
		f.Close()
	}
	return out, seen
}

// procAddr reads 0100007F:1388: words in the order of the machine.
func procAddr(text string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(text, ":")
	p, err := strconv.ParseUint(port, 16, 16)
	if err != nil || len(host)%8 != 0 {
		return netip.AddrPort{}, false
	}
	var raw []byte
	for i := 0; i < len(host); i += 8 {
		word, err := strconv.ParseUint(host[i:i+8], 16, 32)
		if err != nil {
			return netip.AddrPort{}, false
		}
		raw = append(raw, byte(word), byte(word>>8), byte(word>>16), byte(word>>24))
	}
	addr, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr.Unmap(), uint16(p)), ok
}

// listeningInside looks into the network of a process.
func listeningInside(pid int, network string, port uint16) listening {
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil || pid <= 0 {
		return unknown
	}
	// The same network is that of another process, of a machine that is not
	// this one: docker may run in a virtual machine.
	if other, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid)); err == nil && other == own {
		return unknown
	}
	sockets, seen := listeners(strconv.Itoa(pid), network)
	if !seen {
		return unknown
	}
	found := nobody
	for _, s := range sockets {
		switch {
		case s.addr.Port() != port:
		case s.addr.Addr().IsLoopback():
			found = max(found, onLoopback)
		default:
			return everywhere
		}
	}
	return found
}

// holder says which process has a port of this machine, "" if that cannot be
// found out.
func holder(network string, port uint16) string {
	sockets, _ := listeners("self", network)
	links := map[string]bool{}
	for _, s := range sockets {
		if s.addr.Port() == port {
			links["socket:["+s.inode+"]"] = true
		}
	}
	if len(links) == 0 {
		return ""
	}
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		if link, err := os.Readlink(fd); err == nil && links[link] {
			pid := strings.Split(fd, "/")[2]
			name, _ := os.ReadFile(filepath.Join("/proc", pid, "comm"))
			return strings.TrimSpace(string(name)) + " (process " + pid + ")"
		}
	}
	return "a process of another user"
}
