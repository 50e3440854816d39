package testbed

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The benchmarks send through links of a process of their own, as a testbed has
// them, through nothing at all, and through other proxies. What is measured most
// closely, throughput and round trips, goes to a receiver that is another process
// again, as two programs of a testbed are: within one process the runtime hands a
// message over without waking up anything, which no two programs can do.
//
//	RIGX_BENCH_TOXIPROXY  the server of toxiproxy
//	RIGX_BENCH_PEER       a Python with the Python tool
//	RIGX_BENCH_CPU        the processor on which all of those run
//
// .ci/bench-testbed sets them and compares.

// A contender forwards from an address to another.
type contender struct {
	name string
	// start has it forward to fc, and returns its address. delay is what each
	// packet waits on its way there.
	start func(b *testing.B, proto Proto, delay time.Duration) (through, fc string, proxy *os.Process)
}

func contenders(b *testing.B, run func(*testing.B, contender)) {
	for _, c := range []contender{{"direct", startDirect}, {"rigx", startRigx}, {"toxiproxy", startToxiproxy}, {"peer", startPeer}} {
		b.Run(c.name, func(b *testing.B) { run(b, c) })
	}
}

func startDirect(b *testing.B, proto Proto, _ time.Duration) (through, fc string, proxy *os.Process) {
	at, err := reserve(proto, localhost)
	check(b, err)
	b.Cleanup(func() { release(proto, at) })
	return at.String(), at.String(), nil
}

// startRigx has another process, which is this program too, open a network.
func startRigx(b *testing.B, proto Proto, delay time.Duration) (through, fc string, proxy *os.Process) {
	p := startRole(b, "proxy")
	p.ask("link", proto.String())
	_, err := fmt.Sscan(p.answer(), &through, &fc)
	check(b, err)
	if delay > 0 {
		p.ask("delay", strconv.Itoa(int(delay.Milliseconds())))
		p.answer()
	}
	return through, fc, p.process
}

// A process obeys lines of words.
type process struct {
	b       *testing.B
	process *os.Process
	in      io.Writer
	out     *bufio.Reader
}

// startRole starts this program as something else, see [TestMain].
func startRole(b *testing.B, role string) *process {
	b.Helper()
	return startProcess(b, role, os.Args[0], "-test.run", "^$")
}

func startProcess(b *testing.B, role, program string, args ...string) *process {
	b.Helper()
	if cpu := os.Getenv("RIGX_BENCH_CPU"); cpu != "" {
		args = append([]string{"-c", cpu, program}, args...)
		program = "taskset"
	}
	c := exec.Command(program, args...)
	c.Env = append(os.Environ(), "RIGX_BENCH_ROLE="+role)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	check(b, err)
	out, err := c.StdoutPipe()
	check(b, err)
	check(b, c.Start())
	b.Cleanup(func() {
		_ = in.Close()
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return &process{b, c.Process, in, bufio.NewReader(out)}
}

// measureCPU begins to measure what a proxy computes for each operation, which
// says more than the time on a machine that does other things too.
func measureCPU(b *testing.B, proxy *os.Process) (report func()) {
	if proxy == nil {
		return func() {}
	}
	used := func() (ticks float64) {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", proxy.Pid))
		_, rest, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(rest); len(fields) > 12 {
			for _, field := range fields[11:13] { // in user and in kernel mode
				n, _ := strconv.ParseFloat(field, 64)
				ticks += n
			}
		}
		return ticks
	}
	const tick = 10_000 // µs
	start := used()
	return func() { b.ReportMetric((used()-start)*tick/float64(b.N), "proxy-µs/op") }
}

func (p *process) ask(words ...string) {
	p.b.Helper()
	_, err := fmt.Fprintln(p.in, strings.Join(words, " "))
	check(p.b, err)
}

func (p *process) answer() string {
	p.b.Helper()
	line, err := p.out.ReadString('\n')
	check(p.b, err)
	return strings.TrimSpace(line)
}

// TestMain is what a benchmark needs besides itself if that is the role of this process.
func TestMain(m *testing.M) {
	var err error
	switch os.Getenv("RIGX_BENCH_ROLE") {
	case "proxy":
		err = proxy(os.Stdin, os.Stdout)
	case "receiver":
		err = receiver(os.Stdin, os.Stdout)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// receiver listens where it is told to: `echo ADDRESS` sends what comes back, and
// `take ADDRESS BYTES` says when it has that much.
func receiver(in io.Reader, out io.Writer) error {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		words := strings.Fields(lines.Text())
		handle := echo
		if words[0] == "take" {
			total, err := strconv.Atoi(words[2])
			if err != nil {
				return err
			}
			handle = func(c net.Conn) { take(c, total) }
		}
		l, err := net.Listen("tcp4", words[1])
		if err != nil {
			return err
		}
		go accept(l, handle)
		fmt.Fprintln(out, "listening")
	}
	return nil
}

func echo(c net.Conn) {
	s, err := newPlainSocket(c)
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(s.fd) }()
	message := make([]byte, 64)
	for err == nil {
		if err = s.read(message); err == nil {
			err = s.write(message)
		}
	}
}

// A plainSocket is used as programs in C use theirs: the thread waits in the kernel. The
// runtime of Go would look around for something else to do, for about as long as a
// message takes. Who uses it does nothing else, and stays on one processor, two ends on
// the same one: with nothing in between, nobody is woken up on another.
type plainSocket struct{ fd int }

func newPlainSocket(c net.Conn) (plainSocket, error) {
	runtime.GOMAXPROCS(1)
	runtime.LockOSThread()
	if first, _, _ := strings.Cut(os.Getenv("RIGX_BENCH_CPU"), ","); first != "" {
		cpu, err := strconv.Atoi(first)
		if err != nil {
			return plainSocket{}, err
		}
		var one unix.CPUSet
		one.Set(cpu)
		if err := unix.SchedSetaffinity(0, &one); err != nil {
			return plainSocket{}, err
		}
	}
	f, err := c.(*net.TCPConn).File()
	if err != nil {
		return plainSocket{}, err
	}
	defer f.Close()
	fd, err := unix.Dup(int(f.Fd()))
	if err == nil {
		err = unix.SetNonblock(fd, false)
	}
	return plainSocket{fd}, err
}

func (s plainSocket) read(p []byte) error {
	for len(p) > 0 {
		n, err := quick(unix.SYS_READ, s.fd, p)
		if n == 0 && err == nil {
			err = io.EOF
		}
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

func (s plainSocket) write(p []byte) error {
	_, err := quick(unix.SYS_WRITE, s.fd, p) // a message fits
	return err
}

func take(c net.Conn, total int) {
	buffer := make([]byte, 256<<10)
	for total > 0 {
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		total -= n
	}
	_, _ = c.Write([]byte("done"))
}

// startReceiver starts a receiver and tells it what to do.
func startReceiver(b *testing.B, words ...string) {
	b.Helper()
	r := startRole(b, "receiver")
	r.ask(words...)
	r.answer()
}

func accept(l net.Listener, handle func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			handle(c)
			_ = c.Close()
		}()
	}
}

func proxy(in io.Reader, out io.Writer) error {
	_ = raiseDescriptors()
	n, err := Open(Options{Subnet: netip.MustParsePrefix("127.41.0.0/16")})
	if err != nil {
		return err
	}
	if err := n.Declare(Node{Name: "sim"}); err != nil {
		return err
	}
	nodes := 0
	for lines := bufio.NewScanner(in); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch words[0] {
		case "link": // PROTO
			nodes++
			name := fmt.Sprint("fc", nodes)
			proto, err := ParseProto(words[1])
			if err != nil {
				return err
			}
			if err := n.Declare(Node{Name: name, TCP: []uint16{5001}, UDP: []uint16{5001}}); err != nil {
				return err
			}
			at, err := n.Link(Link{From: "sim", To: name, Port: 5001, Proto: proto})
			if err != nil {
				return err
			}
			bound, err := n.Bindings(name)
			if err != nil {
				return err
			}
			fc := bound.Publish[5001][0]
			if proto == UDP {
				fc = bound.PublishUDP[5001][0]
			}
			fmt.Fprintln(out, at, fc)
		case "delay": // MILLISECONDS
			ms, err := strconv.Atoi(words[1])
			if err != nil {
				return err
			}
			if _, err := n.Fault(Selector{}, Rule{Delay: time.Duration(ms) * time.Millisecond, Direction: Forward}); err != nil {
				return err
			}
			fmt.Fprintln(out, "done")
		}
	}
	return n.Close()
}

func startToxiproxy(b *testing.B, proto Proto, delay time.Duration) (through, fc string, proxy *os.Process) {
	server := os.Getenv("RIGX_BENCH_TOXIPROXY")
	if server == "" {
		b.Skip("RIGX_BENCH_TOXIPROXY does not say where toxiproxy's server is")
	}
	if proto == UDP {
		b.Skip("toxiproxy knows no UDP")
	}
	port := func() string {
		at, err := reserve(TCP, localhost)
		check(b, err)
		b.Cleanup(func() { release(TCP, at) })
		return at.String()
	}
	api := port()
	through, fc = port(), port()
	_, apiPort, _ := net.SplitHostPort(api)
	p := startProcess(b, "", server, "-host", "127.0.0.1", "-port", apiPort, "-seed", "1")
	post := func(path string, body any) error {
		text, err := json.Marshal(body)
		check(b, err)
		answer, err := http.Post("http://"+api+path, "application/json", bytes.NewReader(text))
		if err == nil {
			_ = answer.Body.Close()
		}
		return err
	}
	eventually(b, "toxiproxy starts", func() bool {
		return post("/proxies", map[string]any{"name": "fc", "listen": through, "upstream": fc, "enabled": true}) == nil
	})
	if delay > 0 {
		check(b, post("/proxies/fc/toxics", map[string]any{
			"type": "latency", "stream": "upstream", "attributes": map[string]any{"latency": delay.Milliseconds()},
		}))
	}
	return through, fc, p.process
}

// peerScript uses the Python tool as its manual says.
const peerScript = `
import sys
from rigx.testbed import Network
proto, delay = sys.argv[1], int(sys.argv[2])
ports = {"listens_on" if proto == "tcp" else "udp_listens_on": [5001]}
n = Network(subnet="127.0.42.0/24")
n.declare("sim")
n.declare("fc", **ports)
n.link("sim", "fc", to_port=5001, proto=proto)
with n:
    bound = n.bindings("fc")["publish" if proto == "tcp" else "publish_udp"][5001]
    def run():
        print(n.bindings("sim")["env"]["FC_5001_ADDR" if proto == "tcp" else "FC_5001_UDP_ADDR"], "%s:%d" % tuple(bound), flush=True)
        sys.stdin.read()
    if delay:
        with n.fault("sim", "fc", delay_ms=delay):
            run()
    else:
        run()
`

func startPeer(b *testing.B, proto Proto, delay time.Duration) (through, fc string, proxy *os.Process) {
	python := os.Getenv("RIGX_BENCH_PEER")
	if python == "" {
		b.Skip("RIGX_BENCH_PEER does not say which Python has the Python tool")
	}
	path := filepath.Join(b.TempDir(), "peer.py")
	check(b, os.WriteFile(path, []byte(peerScript), 0o600))
	p := startProcess(b, "", python, path, proto.String(), strconv.Itoa(int(delay.Milliseconds())))
	_, err := fmt.Sscan(p.answer(), &through, &fc)
	check(b, err)
	return through, fc, p.process
}

// serveAt has fc handle connections for the time of a benchmark.
func serveAt(b *testing.B, at string, handle func(net.Conn)) {
	b.Helper()
	l, err := net.Listen("tcp4", at)
	check(b, err)
	b.Cleanup(func() { _ = l.Close() })
	go accept(l, handle)
}

func open(b *testing.B, at string) net.Conn {
	b.Helper()
	c, err := net.Dial("tcp4", at)
	check(b, err)
	b.Cleanup(func() { _ = c.Close() })
	return c
}

// BenchmarkThroughput sends as much as passes.
func BenchmarkThroughput(b *testing.B) {
	contenders(b, func(b *testing.B, c contender) { throughput(b, c, 0) })
}

// BenchmarkDelayedThroughput is the same with a delay of 10 ms: what is on its
// way is as much as passes in that time.
func BenchmarkDelayedThroughput(b *testing.B) {
	contenders(b, func(b *testing.B, c contender) {
		if c.name == "direct" {
			b.Skip("nothing delays it")
		}
		throughput(b, c, 10*time.Millisecond)
	})
}

func throughput(b *testing.B, c contender, delay time.Duration) {
	const chunk = 1 << 20
	through, fc, proxy := c.start(b, TCP, delay)
	total := b.N * chunk
	startReceiver(b, "take", fc, strconv.Itoa(total))
	conn := open(b, through)
	data := make([]byte, chunk)
	b.SetBytes(chunk)
	report := measureCPU(b, proxy)
	b.ResetTimer()
	for range b.N {
		if _, err := conn.Write(data); err != nil {
			b.Fatal(err)
		}
	}
	expect(b, conn, "done") // all has arrived
	report()
}

// BenchmarkRoundTrip sends 64 bytes there and back.
func BenchmarkRoundTrip(b *testing.B) {
	contenders(b, func(b *testing.B, c contender) { roundTrip(b, c, 0) })
}

// BenchmarkSparse does so every 10 ms.
func BenchmarkSparse(b *testing.B) {
	contenders(b, func(b *testing.B, c contender) { roundTrip(b, c, 10*time.Millisecond) })
}

func roundTrip(b *testing.B, c contender, pause time.Duration) {
	through, fc, proxy := c.start(b, TCP, 0)
	startReceiver(b, "echo", fc)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	conn, err := newPlainSocket(open(b, through))
	check(b, err)
	defer func() { _ = unix.Close(conn.fd) }()
	message := make([]byte, 64)
	times := make([]time.Duration, 0, b.N)
	report := measureCPU(b, proxy)
	for range b.N {
		time.Sleep(pause)
		start := time.Now()
		check(b, conn.write(message))
		check(b, conn.read(message))
		times = append(times, time.Since(start))
	}
	report()
	reportTimes(b, times)
}

// BenchmarkDelay has what is sent wait for 10 ms. It tells how much later it
// arrives; with nothing in between, that is how long it takes at this pace.
func BenchmarkDelay(b *testing.B) {
	const delay = 10 * time.Millisecond
	contenders(b, func(b *testing.B, c contender) {
		through, fc, proxy := c.start(b, TCP, delay)
		arrived := make(chan time.Time)
		serveAt(b, fc, func(c net.Conn) {
			message := make([]byte, 64)
			for {
				if _, err := io.ReadFull(c, message); err != nil {
					return
				}
				arrived <- time.Now()
			}
		})
		conn := open(b, through)
		message := make([]byte, 64)
		times := make([]time.Duration, 0, b.N)
		report := measureCPU(b, proxy)
		for range b.N {
			start := time.Now()
			_, err := conn.Write(message)
			check(b, err)
			took := (<-arrived).Sub(start)
			if proxy != nil {
				took -= delay
			} else {
				time.Sleep(delay)
			}
			times = append(times, took)
		}
		report()
		reportTimes(b, times)
	})
}

func reportTimes(b *testing.B, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2])/1e3, "µs/median")
	b.ReportMetric(float64(times[len(times)*99/100])/1e3, "µs/99%")
}

// BenchmarkDatagrams floods: it sends datagrams of 100 bytes as fast as it can.
func BenchmarkDatagrams(b *testing.B) {
	contenders(b, func(b *testing.B, c contender) {
		through, fc, proxy := c.start(b, UDP, 0)
		receiver, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(fc)))
		check(b, err)
		defer func() { _ = receiver.Close() }()
		s := newSocket(receiver)
		var received atomic.Int64
		go func() {
			for {
				batch, err := s.receive()
				if err != nil {
					return
				}
				received.Add(int64(batch.n))
				batch.release()
			}
		}()
		conn, err := net.Dial("udp4", through)
		check(b, err)
		defer func() { _ = conn.Close() }()
		out := newSocket(conn.(*net.UDPConn))
		data := make([]byte, 100)
		some := slices.Repeat([][]byte{data}, 8)
		report := measureCPU(b, proxy)
		b.ResetTimer()
		for left := b.N; left > 0; {
			n := min(left, len(some))
			if failed, err := out.send(some[:n], netip.AddrPort{}); failed > 0 {
				b.Fatal(err)
			}
			left -= n
		}
		last := received.Load()
		for quiet := 0; received.Load() < int64(b.N) && quiet < 50; quiet++ {
			time.Sleep(2 * time.Millisecond)
			if now := received.Load(); now != last {
				last, quiet = now, 0
			}
		}
		b.StopTimer()
		report()
		b.ReportMetric(float64(received.Load())/b.Elapsed().Seconds(), "datagrams/s")
		b.ReportMetric(100*(1-float64(received.Load())/float64(b.N)), "%lost")
	})
}

// BenchmarkScale has a process with 1,000 links and 10,000 connections, all of
// which have been used; fewer if it may not have so many files open.
func BenchmarkScale(b *testing.B) {
	const links, most = 1000, 10_000
	each := min(most, (raiseDescriptors()-links-200)/2) / links
	for b.Loop() {
		p := startRole(b, "proxy")
		start := time.Now()
		var conns []net.Conn
		for range links {
			p.ask("link", "tcp")
			var through, fc string
			_, err := fmt.Sscan(p.answer(), &through, &fc)
			check(b, err)
			serveAt(b, fc, func(c net.Conn) {
				message := make([]byte, 64)
				for {
					if _, err := io.ReadFull(c, message); err != nil {
						return
					}
					_, _ = c.Write(message)
				}
			})
			for range each {
				conns = append(conns, open(b, through))
			}
		}
		message := make([]byte, 64)
		for range 3 {
			for _, c := range conns {
				_, err := c.Write(message)
				check(b, err)
			}
			for _, c := range conns {
				_, err := io.ReadFull(c, message)
				check(b, err)
			}
		}
		b.ReportMetric(time.Since(start).Seconds(), "s/open")
		b.ReportMetric(float64(len(conns)), "connections")
		now, peak := memory(b, p.process.Pid)
		b.ReportMetric(now, "MB")
		b.ReportMetric(peak, "MB/peak")
		for _, c := range conns {
			_ = c.Close()
		}
	}
}

// memory is what a process has in memory, and had at most, in MB.
func memory(b *testing.B, pid int) (now, peak float64) {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip(err)
	}
	read := func(name string) float64 {
		_, rest, _ := strings.Cut(string(status), name+":")
		var kb float64
		_, err := fmt.Sscan(rest, &kb)
		check(b, err)
		return kb / 1e3
	}
	return read("VmRSS"), read("VmHWM")
}

// raiseDescriptors allows for as many open files as the system does, and says how
// many that is.
func raiseDescriptors() int {
	var limit syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	for _, n := range []uint64{1 << 17, limit.Max} {
		limit.Cur, limit.Max = n, max(n, limit.Max)
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
			break
		}
		_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
	return int(limit.Cur)
}
