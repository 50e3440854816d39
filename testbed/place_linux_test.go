package testbed

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A namespace of its own, as a container has, with its loopback up.
func newNamespace(t *testing.T) *Namespace {
	t.Helper()
	opened := make(chan *Namespace)
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			failed <- err
			return
		}
		if err := raiseLoopback(); err != nil {
			failed <- err
			return
		}
		s, err := OpenNamespace(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
		if err != nil {
			failed <- err
			return
		}
		opened <- s
	}()
	select {
	case s := <-opened:
		t.Cleanup(func() { check(t, s.Close()) })
		return s
	case err := <-failed:
		t.Fatal(err)
		return nil
	}
}

func raiseLoopback() error {
	return configureLoopback(unix.SIOCSIFFLAGS, func(lo *unix.Ifreq) { lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING) })
}

func setLoopbackMTU(mtu uint32) error {
	return configureLoopback(unix.SIOCSIFMTU, func(lo *unix.Ifreq) { lo.SetUint32(mtu) })
}

func configureLoopback(request uint, set func(*unix.Ifreq)) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	set(lo)
	return unix.IoctlIfreq(fd, request, lo)
}

// withNamespaces runs a test where namespaces can be made: here, or as root of a
// user namespace, in another process.
func withNamespaces(t *testing.T) (here bool) {
	t.Helper()
	if os.Geteuid() == 0 {
		err := make(chan error)
		go func() {
			runtime.LockOSThread()
			err <- unix.Unshare(unix.CLONE_NEWNET)
		}()
		if <-err == nil {
			return true
		}
	}
	if os.Getenv("RIGX_TEST_NAMESPACE") != "" {
		missing(t, "netns", fmt.Errorf("root of a user namespace cannot make network namespaces"))
	}
	again := exec.Command("/proc/self/exe", "-test.run", "^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), "RIGX_TEST_NAMESPACE=1")
	again.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	var out strings.Builder
	again.Stdout, again.Stderr = &out, &out
	if err := again.Start(); err != nil {
		missing(t, "netns", err)
	}
	if err := again.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return false
}

func init() {
	newSoakPlace = func(t *testing.T) Place {
		if os.Geteuid() != 0 || !withNamespaces(t) {
			return nil
		}
		return newNamespace(t)
	}
}

// Two programs, each in a network namespace of its own, whose loopback is all that
// they see, talk to each other at the addresses and ports that they know by
// declaration.
func TestPlaces(t *testing.T) {
	if !withNamespaces(t) {
		return
	}
	ctx := t.Context()
	l := newLab(t, Options{})
	sim, fc := newNamespace(t), newNamespace(t)
	leaveSim, err := l.Attach("sim", sim)
	check(t, err)
	leaveFC, err := l.Attach("fc", fc)
	check(t, err)
	// A link that comes later is there too.
	check(t, l.Declare(Node{Name: "late", TCP: []uint16{7}}))
	_, err = l.Link(Link{From: "sim", To: "late", Port: 7})
	check(t, err)

	local := netip.MustParseAddrPort("127.0.0.1:5001")
	listener, err := fc.Listen(ctx, "tcp", local)
	check(t, err)
	defer func() { _ = listener.Close() }()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				fmt.Fprintf(c, "hello %v", addrPort(c.RemoteAddr()).Addr())
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
			}()
		}
	}()
	socket, err := fc.ListenPacket(ctx, "udp", local)
	check(t, err)
	defer func() { _ = socket.Close() }()
	go func() {
		b := make([]byte, 100)
		for {
			n, from, err := socket.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = socket.WriteTo(fmt.Appendf(nil, "%s %v", b[:n], addrPort(from).Addr()), from)
		}
	}()

	env := l.bindings("sim").Env
	var open net.Conn
	for _, at := range []string{env["FC_5001_ADDR"], "127.0.41.3:5001"} {
		c, err := sim.Dial(ctx, "tcp", netip.AddrPort{}, netip.MustParseAddrPort(at))
		check(t, err)
		defer func() { _ = c.Close() }()
		expect(t, c, "hello 127.0.41.2")
		open = c
	}
	for _, at := range []string{env["FC_5001_UDP_ADDR"], "127.0.41.3:5001"} {
		c, err := sim.Dial(ctx, "udp", netip.AddrPort{}, netip.MustParseAddrPort(at))
		check(t, err)
		defer func() { _ = c.Close() }()
		send(t, c, "hello")
		got := make([]byte, 100)
		n, err := c.Read(got)
		check(t, err)
		if string(got[:n]) != "hello 127.0.41.2" {
			t.Errorf("fc answers %q", got[:n])
		}
	}
	// Faults are in force there too.
	f := l.fault(Rule{Partition: true})
	c, err := sim.Dial(ctx, "tcp", netip.AddrPort{}, netip.MustParseAddrPort("127.0.41.3:5001"))
	check(t, err)
	defer func() { _ = c.Close() }()
	expectNothing(t, c)
	f.Clear()
	expect(t, c, "hello 127.0.41.2")

	// Who comes to a node in a place from the host is let in.
	check(t, l.Declare(Node{Name: "host"}))
	at, err := l.Link(Link{From: "host", To: "fc", Port: 5001})
	check(t, err)
	expect(t, l.dialAt(at.String()), "hello 127.0.41.5")

	// When a node leaves, its connections end and its links are the host's only.
	leaveSim()
	leaveSim()
	expectGone(t, open)
	if _, err := sim.Dial(ctx, "tcp", netip.AddrPort{}, netip.MustParseAddrPort("127.0.41.3:5001")); err == nil {
		t.Error("the link is still open in the namespace")
	}
	leaveFC()
	gone, err := l.dialRaw()
	if err == nil {
		expectGone(t, gone)
	}
	_, err = l.Attach("sim", sim)
	check(t, err)
}

// expectGone reads an end of whatever kind.
func expectGone(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
}

// A node that was reached through its published port before it moved is found
// where it is now.
func TestAttachMovesSenders(t *testing.T) {
	if !withNamespaces(t) {
		return
	}
	l := newLab(t, Options{})
	sim := l.sender()
	send(t, sim, "too early")
	eventually(t, "the sender is known", func() bool { return l.state(overUDP).Open == 1 })
	fc := newNamespace(t)
	_, err := l.Attach("fc", fc)
	check(t, err)
	socket, err := fc.ListenPacket(t.Context(), "udp", netip.MustParseAddrPort("127.0.0.1:5001"))
	check(t, err)
	defer func() { _ = socket.Close() }()
	send(t, sim, "in time")
	expect(t, socket.(*net.UDPConn), "in time")
}

func TestBadPlaces(t *testing.T) {
	if !withNamespaces(t) {
		return
	}
	l := newLab(t, Options{})
	s := newNamespace(t)
	_, err := l.Attach("nobody", s)
	expectError(t, err, `there is no node "nobody"`)
	_, err = l.Attach("sim", nil)
	expectError(t, err, "node sim: no place")
	_, err = l.Attach("sim", s)
	check(t, err)
	_, err = l.Attach("sim", s)
	expectError(t, err, "node sim is attached already")
	_, err = OpenNamespace("/none")
	expectError(t, err, "network namespace: open /none")
	_, err = OpenNamespace("/dev/null")
	expectError(t, err, "enter network namespace /dev/null")

	// A program that holds the address of a link is in the way, and is left alone.
	check(t, l.Declare(Node{Name: "second"}))
	at, err := l.Link(Link{From: "second", To: "fc", Port: 5001})
	check(t, err)
	taken := newNamespace(t)
	held, err := taken.Listen(t.Context(), "tcp", at)
	check(t, err)
	defer func() { _ = held.Close() }()
	_, err = l.Attach("second", taken)
	expectError(t, err, "link second→fc:5001/tcp: cannot listen at", "inside second", "address already in use")
}
