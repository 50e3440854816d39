package testbed

import (
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What is forwarded is sent at once, whatever the machine does by itself.
func TestUnpaced(t *testing.T) {
	t.Parallel()
	l := newLab(t, Options{})
	l.echo()
	conn := l.dial()
	send(t, conn, "hello")
	expect(t, conn, "hello")
	eventually(t, "the connection is carried", func() bool { in, _ := l.carried(); return in == 1 })
	l.connections(func(c *connection) {
		for _, socket := range c.carriage.sockets {
			if name, err := unix.GetsockoptString(socket, unix.IPPROTO_TCP, unix.TCP_CONGESTION); err != nil || name != "reno" {
				t.Error(name, err)
			}
		}
	})
}

// A fault applies to connections that are carried, although no file can be opened any
// more, and none of them breaks.
func TestFaultWithoutDescriptors(t *testing.T) { // not parallel: the limit is that of the process
	l := newLab(t, Options{})
	l.echo()
	conns := make([]*net.TCPConn, 10)
	for i := range conns {
		conns[i] = l.dial()
		send(t, conns[i], "hello")
		expect(t, conns[i], "hello")
	}
	eventually(t, "all connections are carried", func() bool { in, out := l.carried(); return in == len(conns) && out == 0 })
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = 512
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	var taken []int
	defer func() {
		for _, fd := range taken {
			_ = syscall.Close(fd)
		}
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}()
	for fd, err := syscall.Dup(0); err == nil; fd, err = syscall.Dup(0) {
		taken = append(taken, fd)
	}
	fault := l.fault(Rule{Delay: time.Millisecond})
	if in, _ := l.carried(); in > 0 {
		t.Error(in, "connections are carried below a fault")
	}
	for _, c := range conns {
		send(t, c, "again")
		expect(t, c, "again")
	}
	fault.Clear()
}
