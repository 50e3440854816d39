package testbed

import (
	"net"
	"syscall"
	"testing"
	"time"
)

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
