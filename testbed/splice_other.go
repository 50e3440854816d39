//go:build !linux

package testbed

// pump forwards until the faults change or the stream ends.
func (s *stream) pump() error { return s.copyThrough() }

// pipes are used on Linux only.
type pipes struct{}

func (*pipes) close() {}
