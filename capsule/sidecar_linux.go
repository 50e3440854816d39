package capsule

import (
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxSidecarMessage is how long a message of a sidecar may be, in bytes.
const maxSidecarMessage = 4096

// ServePlace opens sockets for the program that listens at a Unix socket, until
// that ends. It is run in the network in which they are to be.
func ServePlace(socket string) error {
	conn, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: socket, Net: "unixpacket"})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	buffer := make([]byte, maxSidecarMessage)
	for {
		n, err := conn.Read(buffer)
		if err != nil || n == 0 {
			return nil
		}
		var req sidecarRequest
		if err := json.Unmarshal(buffer[:n], &req); err != nil {
			return err
		}
		go func() {
			answer := sidecarAnswer{ID: req.ID}
			file, err := req.open()
			var rights []byte
			if err != nil {
				answer.Error = err.Error()
				var errno syscall.Errno
				if errors.As(err, &errno) {
					answer.Errno = int(errno)
				}
			} else {
				defer func() { _ = file.Close() }()
				rights = unix.UnixRights(int(file.Fd()))
			}
			data, _ := json.Marshal(answer)
			_, _, _ = conn.WriteMsgUnix(data, rights, nil)
		}()
	}
}

// open opens what is asked for, here.
func (r *sidecarRequest) open() (*os.File, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	var opened interface {
		File() (*os.File, error)
		Close() error
	}
	switch r.Do {
	case "listen":
		l, err := (&net.ListenConfig{}).Listen(ctx, r.Network, r.Local.String())
		if err != nil {
			return nil, err
		}
		opened = l.(*net.TCPListener)
	case "packet":
		c, err := (&net.ListenConfig{}).ListenPacket(ctx, r.Network, r.Local.String())
		if err != nil {
			return nil, err
		}
		opened = c.(*net.UDPConn)
	default:
		dialer := net.Dialer{LocalAddr: localAddr(r.Network, r.Local)}
		c, err := dialer.DialContext(ctx, r.Network, r.Remote.String())
		if err != nil {
			return nil, err
		}
		opened = c.(interface {
			File() (*os.File, error)
			Close() error
		})
	}
	defer func() { _ = opened.Close() }()
	return opened.File()
}

// sidecar is our side.
type sidecar struct {
	engine  engine
	session *Session
	conn    *net.UnixConn
	id, dir string // of its container, and of its socket
	once    sync.Once

	mu      sync.Mutex
	last    int
	waiting map[int]chan sidecarReply
	gone    error
}

type sidecarReply struct {
	file *os.File
	err  error
}

// startSidecar runs a sidecar in a container that shares the network of another.
func startSidecar(ctx context.Context, e engine, id string, session *Session) (_ *sidecar, err error) {
	found, err := e.inspect(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, failure(NotFound, "the capsule does not run, so it has no network")
	}
	dir, err := os.MkdirTemp("", "rigx-place-")
	if err != nil {
		return nil, err
	}
	session.note(resource{Kind: directoryResource, Name: dir})
	h := &sidecar{engine: e, session: session, dir: dir, waiting: map[int]chan sidecarReply{}}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	listener, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: filepath.Join(dir, "place"), Net: "unixpacket"})
	if err != nil {
		return nil, err
	}
	defer func() { _ = listener.Close() }()
	args, err := sidecarArgs(session, found[0].Image, found[0].ID, dir)
	if err != nil {
		return nil, err
	}
	out, err := e.output(ctx, args...)
	if err != nil {
		return nil, err
	}
	h.id = strings.TrimSpace(string(out))
	_ = listener.SetDeadline(time.Now().Add(answerWithin))
	if h.conn, err = listener.AcceptUnix(); err != nil {
		return nil, fmt.Errorf("the helper in the network of the capsule does not answer: %w", err)
	}
	go h.read()
	return h, nil
}

// sidecarArgs are the words that make an engine run a sidecar.
func sidecarArgs(session *Session, image, id, dir string) ([]string, error) {
	program, err := filepath.EvalSymlinks(session.sidecar[0])
	if err != nil {
		return nil, err
	}
	const inside = "/rigx-place"
	entry := inside + "-program/" + filepath.Base(session.sidecar[0])
	args := []string{
		"run", "--detach", "--rm", "--pull", "never", "--network", "container:" + id, "--user", "0:0",
		"--label", labelSession + "=" + session.id, "--workdir", "/",
		"--mount", "type=bind,source=" + dir + ",target=" + inside,
		"--mount", "type=bind,source=" + program + ",target=" + entry + ",readonly",
	}
	if dynamic(program) {
		for _, libraries := range []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/nix/store"} {
			if real, err := filepath.EvalSymlinks(libraries); err == nil {
				args = append(args, "--mount", "type=bind,source="+real+",target="+libraries+",readonly")
			}
		}
	}
	args = append(args, "--entrypoint", entry, image)
	return append(append(args, session.sidecar[1:]...), inside+"/place"), nil
}

// dynamic reports whether a program needs libraries.
func dynamic(program string) bool {
	f, err := elf.Open(program)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return true
		}
	}
	return false
}

// read gives answers to those who wait for them.
func (h *sidecar) read() {
	buffer, rights := make([]byte, maxSidecarMessage), make([]byte, unix.CmsgSpace(4))
	for {
		n, count, _, _, err := h.conn.ReadMsgUnix(buffer, rights)
		if err != nil || n == 0 {
			break
		}
		var answer sidecarAnswer
		file := received(rights[:count])
		err = json.Unmarshal(buffer[:n], &answer)
		switch {
		case err != nil:
		case answer.Errno != 0:
			err = &os.SyscallError{Syscall: strings.TrimSuffix(answer.Error, ": "+syscall.Errno(answer.Errno).Error()), Err: syscall.Errno(answer.Errno)}
		case answer.Error != "":
			err = errors.New(answer.Error)
		case file == nil:
			err = errors.New("the helper in the network of the capsule sent no socket")
		}
		h.mu.Lock()
		waiting := h.waiting[answer.ID]
		delete(h.waiting, answer.ID)
		h.mu.Unlock()
		if waiting != nil {
			waiting <- sidecarReply{file, err}
		} else if file != nil {
			_ = file.Close()
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gone = &net.OpError{Op: "dial", Net: "place", Err: syscall.ECONNREFUSED}
	for _, waiting := range h.waiting {
		waiting <- sidecarReply{err: h.gone}
	}
	h.waiting = nil
}

// received is the file that came with a message, or nil.
func received(rights []byte) *os.File {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(messages) == 0 {
		return nil
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return nil
	}
	unix.CloseOnExec(fds[0])
	return os.NewFile(uintptr(fds[0]), "socket")
}

// ask has a socket opened. The caller closes the file.
func (h *sidecar) ask(ctx context.Context, req sidecarRequest) (*os.File, error) {
	answered := make(chan sidecarReply, 1)
	h.mu.Lock()
	if h.gone != nil {
		h.mu.Unlock()
		return nil, h.gone
	}
	h.last++
	req.ID = h.last
	h.waiting[req.ID] = answered
	h.mu.Unlock()
	data, err := json.Marshal(req)
	if err == nil {
		_, err = h.conn.Write(data)
	}
	if err != nil {
		return nil, err
	}
	select {
	case r := <-answered:
		return r.file, r.err
	case <-ctx.Done():
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.waiting, req.ID)
		select {
		case r := <-answered: // too late
			if r.file != nil {
				_ = r.file.Close()
			}
		default:
		}
		return nil, ctx.Err()
	}
}

// Listen implements [opener].
func (h *sidecar) Listen(ctx context.Context, network string, addr netip.AddrPort) (net.Listener, error) {
	f, err := h.ask(ctx, sidecarRequest{Do: "listen", Network: network, Local: addr})
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return net.FileListener(f)
}

// ListenPacket implements [opener].
func (h *sidecar) ListenPacket(ctx context.Context, network string, addr netip.AddrPort) (net.PacketConn, error) {
	f, err := h.ask(ctx, sidecarRequest{Do: "packet", Network: network, Local: addr})
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return net.FilePacketConn(f)
}

// Dial implements [opener].
func (h *sidecar) Dial(ctx context.Context, network string, local, remote netip.AddrPort) (net.Conn, error) {
	f, err := h.ask(ctx, sidecarRequest{Do: "dial", Network: network, Local: local, Remote: remote})
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return net.FileConn(f)
}

// close ends the sidecar; sockets that it opened stay. An engine does not remove
// a container while another one shares its network.
func (h *sidecar) close() {
	h.once.Do(func() {
		if h.conn != nil {
			_ = h.conn.Close()
		}
		if h.id != "" {
			ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
			defer cancel()
			_ = h.engine.remove(ctx, h.id)
		}
		_ = os.RemoveAll(h.dir)
		h.session.forget(resource{Kind: directoryResource, Name: h.dir})
	})
}
