package capsule

import "net/netip"

// A sidecar opens sockets in the network of a container for a program that may
// not enter it: whoever uses docker without being the superuser, and podman's
// containers without root. It is a container that shares that network, runs
// [ServePlace], and hands over what it opened through a Unix socket, one message
// for each request and answer.

// sidecarRequest asks for a socket.
type sidecarRequest struct {
	ID int `json:"id"`
	// Do is listen, packet or dial.
	Do      string         `json:"do"`
	Network string         `json:"network"`
	Local   netip.AddrPort `json:"local"`
	Remote  netip.AddrPort `json:"remote"`
}

// sidecarAnswer comes with the socket, unless there is an error.
type sidecarAnswer struct {
	ID    int    `json:"id"`
	Error string `json:"error,omitempty"`
	// Errno is the number of the error, 0 if it has none.
	Errno int `json:"errno,omitempty"`
}

// Help says how [ServePlace] is run: a program of this machine and arguments, to
// which the path of the socket is added. Without it, [Capsule.Place] needs the
// right to enter the network of a container itself.
func (s *Session) Help(command ...string) { s.sidecar = command }
