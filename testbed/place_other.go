//go:build !linux

package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"syscall"
)

func prepareListener(string, string, syscall.RawConn) error { return nil }

func prepareConnection(context.Context, string, string, syscall.RawConn) error { return nil }

// A Namespace is the network namespace of a process, as a [Place]. Only Linux
// has them.
type Namespace struct{}

var errNoNamespaces = fmt.Errorf("network namespaces on %s: %w", runtime.GOOS, errors.ErrUnsupported)

// OpenNamespace fails.
func OpenNamespace(string) (*Namespace, error) { return nil, errNoNamespaces }

// Close does nothing.
func (*Namespace) Close() error { return nil }

// Listen fails.
func (*Namespace) Listen(context.Context, string, netip.AddrPort) (net.Listener, error) {
	return nil, errNoNamespaces
}

// ListenPacket fails.
func (*Namespace) ListenPacket(context.Context, string, netip.AddrPort) (net.PacketConn, error) {
	return nil, errNoNamespaces
}

// Dial fails.
func (*Namespace) Dial(context.Context, string, netip.AddrPort, netip.AddrPort) (net.Conn, error) {
	return nil, errNoNamespaces
}
