package nixgen

import (
	"bytes"
	"io"
	"runtime"
)

// writeInOrder calls produce for 0…n-1, several at once, and writes what each
// call put into its buffer in that order. Buffers are used again, so a large
// flake never is in memory as a whole.
func writeInOrder(to io.Writer, n int, produce func(i int, b *bytes.Buffer) error) error {
	type piece struct {
		b   *bytes.Buffer
		err error
	}
	ahead := 2 * runtime.GOMAXPROCS(0)
	free := make(chan *bytes.Buffer, ahead)
	for range ahead {
		free <- bytes.NewBuffer(make([]byte, 0, 1024*chunk))
	}
	done := make([]chan piece, n)
	for i := range done {
		done[i] = make(chan piece, 1)
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for i := range n {
			select {
			case <-stop:
				return
			case b := <-free:
				go func() {
					b.Reset()
					done[i] <- piece{b, produce(i, b)}
				}()
			}
		}
	}()
	for i := range done {
		p := <-done[i]
		if p.err != nil {
			return p.err
		}
		if _, err := to.Write(p.b.Bytes()); err != nil {
			return err
		}
		free <- p.b
	}
	return nil
}
