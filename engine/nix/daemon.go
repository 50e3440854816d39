package nix

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// A daemon is a connection to Nix's. It is asked for one thing only, for which
// `nix-store` would need a process each time: to register links as roots. The
// protocol is that of src/libstore/worker-protocol.hh of Nix; numbers are 64 bits,
// little-endian, and strings have a length and are filled up to whole numbers.
type daemon struct {
	conn net.Conn
	in   *bufio.Reader
}

const (
	daemonHello  = 0x6e697863
	daemonAnswer = 0x6478696f
	// daemonVersion is that of Nix 2.15; a daemon that speaks an older one says so,
	// and one that speaks a newer one is polite.
	daemonVersion = 1<<8 | 35

	daemonAddIndirectRoot = 12

	// What a daemon says while it works, the last of which ends it.
	daemonLine  = 0x6f6c6d67
	daemonError = 0x63787470
	daemonDone  = 0x616c7473

	// daemonPatience is how long it may take for an answer; it may be collecting
	// garbage.
	daemonPatience = 10 * time.Second
	maxDaemonText  = 1 << 16
)

// dialDaemon connects to the daemon of this machine.
func dialDaemon(ctx context.Context) (*daemon, error) {
	socket := DaemonSocket
	if other := os.Getenv("NIX_DAEMON_SOCKET_PATH"); other != "" {
		socket = other
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	d := &daemon{conn: conn, in: bufio.NewReader(conn)}
	if err := d.greet(); err != nil {
		return nil, errors.Join(fmt.Errorf("the daemon of Nix at %s: %w", socket, err), conn.Close())
	}
	return d, nil
}

func (d *daemon) close() { _ = d.conn.Close() }

func (d *daemon) greet() error {
	if err := d.say(daemonHello); err != nil {
		return err
	}
	magic, err := d.number()
	if err != nil {
		return err
	}
	version, err := d.number()
	if err != nil {
		return err
	}
	const oldest = 1<<8 | 14
	if magic != daemonAnswer || version>>8 != 1 || version < oldest {
		return errors.New("it speaks another protocol")
	}
	version = min(version, daemonVersion)
	// Which processor to run on, and how much room to keep: both are of the past.
	if err := d.say(daemonVersion, 0, 0); err != nil {
		return err
	}
	if version >= 1<<8|33 {
		if err := d.skipText(); err != nil { // its name
			return err
		}
	}
	if version >= 1<<8|35 {
		if _, err := d.number(); err != nil { // whether it trusts us
			return err
		}
	}
	return d.finish()
}

// register has what a link leads to kept for as long as it does.
func (d *daemon) register(link string) error {
	request := binary.LittleEndian.AppendUint64(nil, daemonAddIndirectRoot)
	request = binary.LittleEndian.AppendUint64(request, uint64(len(link)))
	request = append(request, link...)
	request = append(request, make([]byte, -len(link)&7)...)
	if err := d.write(request); err != nil {
		return err
	}
	if err := d.finish(); err != nil {
		return err
	}
	_, err := d.number()
	return err
}

// finish reads until the daemon has done what it was asked for.
func (d *daemon) finish() error {
	for {
		what, err := d.number()
		if err != nil {
			return err
		}
		switch what {
		case daemonDone:
			return nil
		case daemonLine:
			if err := d.skipText(); err != nil {
				return err
			}
		case daemonError:
			return errors.New("it refuses")
		default:
			return fmt.Errorf("it says %#x, which has no meaning", what)
		}
	}
}

func (d *daemon) say(numbers ...uint64) error {
	var b []byte
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return d.write(b)
}

func (d *daemon) write(b []byte) error {
	if err := d.conn.SetDeadline(time.Now().Add(daemonPatience)); err != nil {
		return err
	}
	_, err := d.conn.Write(b)
	return err
}

func (d *daemon) number() (uint64, error) {
	var b [8]byte
	_, err := io.ReadFull(d.in, b[:])
	return binary.LittleEndian.Uint64(b[:]), err
}

// skipText reads past a text.
func (d *daemon) skipText() error {
	n, err := d.number()
	if err != nil {
		return err
	}
	if n > maxDaemonText {
		return fmt.Errorf("it says a text of %d bytes", n)
	}
	_, err = d.in.Discard(int(n+7) &^ 7)
	return err
}
