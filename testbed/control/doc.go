// Package control lets scripts drive testbeds and capsules: it serves packages
// testbed and capsule over a Unix socket that only its user can open. The
// Python modules rigx.capsule and rigx.testbed are its clients, and so are
// `rigx testbed ps`, `fault` and `clear`.
//
//	server, err := control.Start(control.Options{})
//	defer server.Close()
//	cmd.Env = append(os.Environ(), "RIGX_CONTROL="+server.Path())
//
// A client's first connection creates a session. What a session started – its
// networks and capsules – is taken down when that connection ends, whatever
// ended it, and when the server is closed.
//
// protocol.go says what goes over the socket, methods.go which requests there
// are; network.go and capsule.go do them. session.go owns things; server.go
// and socket*.go listen; running.go finds the servers of this user.
package control
