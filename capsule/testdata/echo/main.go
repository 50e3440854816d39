// Command echo is what the capsules of the tests run: it answers on TCP and UDP
// with what it is told, prints its arguments and environment, and dies on
// demand.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	switch os.Args[1] {
	case "die":
		status, _ := strconv.Atoi(os.Args[2])
		fmt.Println("going down")
		fmt.Fprintln(os.Stderr, "for good")
		os.Exit(status)
	case "serve": // ADDRESS AFTER
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		after, _ := time.ParseDuration(os.Args[3])
		fmt.Println("starting")
		time.Sleep(after)
		go serveTCP(os.Args[2])
		go serveUDP(os.Args[2])
		<-term
		fmt.Println("asked to stop")
		os.Exit(7)
	case "deaf":
		time.Sleep(time.Hour)
	case "env":
		for _, kv := range os.Environ() {
			fmt.Printf("%q\n", kv)
		}
	case "cat":
		for _, name := range os.Args[2:] {
			data, err := os.ReadFile(name)
			fmt.Println(string(data), err)
		}
	case "write":
		if err := os.WriteFile(os.Args[2], []byte(os.Args[3]), 0o644); err != nil {
			fmt.Println(err)
			os.Exit(3)
		}
	case "upper":
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			fmt.Println(strings.ToUpper(in.Text()))
		}
	}
}

func serveTCP(addr string) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("listening")
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			in := bufio.NewScanner(c)
			for in.Scan() {
				if to, ok := strings.CutPrefix(in.Text(), "dial "); ok {
					fmt.Fprintln(c, dial(to))
					continue
				}
				fmt.Fprintln(c, "echo", in.Text(), "from", c.RemoteAddr())
			}
		}()
	}
}

// dial says what another server answers to hello.
func dial(to string) string {
	c, err := net.DialTimeout("tcp", to, 2*time.Second)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	fmt.Fprintln(c, "hello")
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(line)
}

func serveUDP(addr string) {
	c, err := net.ListenPacket("udp", addr)
	if err != nil {
		return
	}
	buffer := make([]byte, 2000)
	for {
		n, from, err := c.ReadFrom(buffer)
		if err != nil {
			return
		}
		_, _ = c.WriteTo(append([]byte("echo "), buffer[:n]...), from)
	}
}
