package syntax

// maxChunk is the number of elements in a large chunk of a slab.
const maxChunk = 1024

// slab hands out slices that share a few large allocations. One slice, the
// open run, can grow at a time; taken slices never move.
type slab[T any] struct {
	chunk []T
	start int // of the open run in chunk
}

// push adds an element to the open run. The pointer is good until the next
// push.
func (s *slab[T]) push() *T {
	if len(s.chunk) == cap(s.chunk) {
		run := s.chunk[s.start:]
		size := max(min(2*cap(s.chunk), maxChunk), 2*len(run), 8)
		s.chunk = append(make([]T, 0, size), run...)
		s.start = 0
	}
	s.chunk = s.chunk[:len(s.chunk)+1]
	return &s.chunk[len(s.chunk)-1]
}

// take closes the open run.
func (s *slab[T]) take() []T {
	end := len(s.chunk)
	if s.start == end {
		return nil
	}
	run := s.chunk[s.start:end:end]
	s.start = end
	return run
}

// keep copies elements into a run of their own. There must be no open run.
func (s *slab[T]) keep(elements []T) []T {
	if cap(s.chunk)-len(s.chunk) < len(elements) {
		s.chunk = make([]T, 0, max(min(2*cap(s.chunk), maxChunk), len(elements), 8))
		s.start = 0
	}
	s.chunk = append(s.chunk, elements...)
	return s.take()
}
