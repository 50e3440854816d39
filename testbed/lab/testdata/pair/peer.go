// Peer answers on TCP and UDP port 5000 who says what, and does the same to
// others when it is told to.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

func main() {
	packets, err := net.ListenPacket("udp", ":5000")
	if err != nil {
		panic(err)
	}
	go func() {
		buffer := make([]byte, 2000)
		for {
			n, from, err := packets.ReadFrom(buffer)
			if err != nil {
				panic(err)
			}
			_, _ = packets.WriteTo([]byte(heard(string(buffer[:n]), from)+"\n"), from)
		}
	}()
	l, err := net.Listen("tcp", ":5000")
	if err != nil {
		panic(err)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			panic(err)
		}
		go serve(c)
	}
}

func heard(text string, from net.Addr) string {
	host, _, _ := net.SplitHostPort(from.String())
	return strings.TrimSpace(text) + " from " + host
}

// serve takes lines such as "tcp far:5000 hello", "udp far:5000 hello" or
// "env NAME".
func serve(c net.Conn) {
	defer c.Close()
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		words := strings.SplitN(lines.Text(), " ", 3)
		switch words[0] {
		case "tcp", "udp":
			fmt.Fprintln(c, say(words[0], words[1], words[2]))
		case "env":
			fmt.Fprintln(c, os.Getenv(words[1]))
		default:
			fmt.Fprintln(c, heard(lines.Text(), c.RemoteAddr()))
		}
	}
}

func say(network, to, text string) string {
	begin := time.Now()
	c, err := net.DialTimeout(network, to, 2*time.Second)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	_ = c.SetDeadline(begin.Add(2 * time.Second))
	fmt.Fprintln(c, text)
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s after %d ms", strings.TrimSpace(line), time.Since(begin).Milliseconds())
}
