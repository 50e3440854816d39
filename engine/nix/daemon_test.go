package nix

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"net"
	"testing"
	"time"
)

// said is what a daemon says, as numbers and texts.
func said(parts ...any) []byte {
	var b []byte
	for _, part := range parts {
		switch part := part.(type) {
		case int:
			b = binary.LittleEndian.AppendUint64(b, uint64(part))
		case string:
			b = binary.LittleEndian.AppendUint64(b, uint64(len(part)))
			b = append(append(b, part...), make([]byte, -len(part)&7)...)
		}
	}
	return b
}

// deaf is a connection to a daemon that has said all it will ever say.
type deaf struct {
	net.Conn
	heard bytes.Buffer
}

func (c *deaf) Write(b []byte) (int, error) { return c.heard.Write(b) }
func (c *deaf) SetDeadline(time.Time) error { return nil }
func daemonThatSays(b []byte) (*daemon, *deaf) {
	c := &deaf{}
	return &daemon{c, bufio.NewReader(bytes.NewReader(b))}, c
}

func TestDaemon(t *testing.T) {
	for name, greeting := range map[string][]byte{
		"Nix 2.3":  said(daemonAnswer, 1<<8|21, daemonDone),
		"Nix 2.8":  said(daemonAnswer, 1<<8|34, "2.8.0", daemonDone),
		"Nix 2.15": said(daemonAnswer, 1<<8|35, "2.15.0", 1, daemonDone),
		"Nix 2.34": said(daemonAnswer, 1<<8|39, "2.34.8", 2, daemonLine, "hello", daemonDone),
	} {
		d, conn := daemonThatSays(append(greeting, said(daemonLine, "a line", daemonDone, 1)...))
		if err := d.greet(); err != nil {
			t.Error(name, err)
		}
		if err := d.register("/a/link"); err != nil {
			t.Error(name, err)
		}
		if want := said(daemonHello, daemonVersion, 0, 0, daemonAddIndirectRoot, "/a/link"); !bytes.Equal(conn.heard.Bytes(), want) {
			t.Errorf("%s: it heard %x, not %x", name, conn.heard.Bytes(), want)
		}
	}
	for name, greeting := range map[string][]byte{
		"nothing":          nil,
		"another protocol": said(daemonAnswer, 2<<8, daemonDone),
		"too old":          said(daemonAnswer, 1<<8|10, daemonDone),
		"no daemon":        []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"a refusal":        said(daemonAnswer, 1<<8|35, "2.15.0", 1, daemonError, "too old a client"),
	} {
		if d, _ := daemonThatSays(greeting); d.greet() == nil {
			t.Errorf("%s is a greeting", name)
		}
	}
	d, _ := daemonThatSays(said(daemonError, "no"))
	if d.register("/a/link") == nil {
		t.Error("a refusal is taken for consent")
	}
}

func FuzzDaemon(f *testing.F) {
	f.Add(said(daemonAnswer, 1<<8|35, "2.15.0", 1, daemonLine, "hello", daemonDone, daemonDone, 1))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if d, _ := daemonThatSays(data); d.greet() == nil {
			_ = d.register("/a/link")
		}
	})
}
