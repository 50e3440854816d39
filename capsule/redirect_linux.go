package capsule

import (
	"context"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
)

// redirect has the kernel rewrite the destination of what is sent in the network
// namespace of this thread, which the commands inherit.
func redirect(ctx context.Context, network string, from, to netip.AddrPort) error {
	port := strconv.Itoa(int(from.Port()))
	nft := "add table ip rigx\n" +
		"add chain ip rigx output { type nat hook output priority -100; }\n" +
		"add rule ip rigx output ip daddr " + from.Addr().String() + " " + network + " dport " + port + " dnat to " + to.String() + "\n"
	var failed error
	for _, c := range []struct {
		program string
		args    []string
		input   string
	}{
		{"nft", []string{"-f", "-"}, nft},
		{"iptables", []string{
			"-w", "-t", "nat", "-A", "OUTPUT", "-d", from.Addr().String(), "-p", network, "--dport", port,
			"-j", "DNAT", "--to-destination", to.String(),
		}, ""},
	} {
		path, err := exec.LookPath(c.program)
		if err != nil {
			continue
		}
		cmd := exec.CommandContext(ctx, path, c.args...)
		cmd.Stdin = strings.NewReader(c.input)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		e := failure(Failed, "%s cannot redirect %s", c.program, from)
		e.Log, e.Err = lastLines(string(out), 3), err
		failed = e
	}
	if failed == nil {
		failed = failure(Unsupported, "neither nft nor iptables is installed, so %s cannot be redirected", from)
	}
	return failed
}
