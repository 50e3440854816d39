package testbed

// A heap is a binary heap whose first element comes before all others.
type heap[T ordered[T]] []T

type ordered[T any] interface {
	before(T) bool
	moved(index int) // where the element is now
}

var (
	_ ordered[*waiter]   = (*waiter)(nil)
	_ ordered[*datagram] = (*datagram)(nil)
)

func (h *heap[T]) push(x T) {
	*h = append(*h, x)
	h.up(len(*h) - 1)
}

// remove takes out the element at i.
func (h *heap[T]) remove(i int) T {
	old := *h
	x, last := old[i], len(old)-1
	old[i] = old[last]
	var none T
	old[last] = none
	*h = old[:last]
	if i < last {
		h.fix(i)
	}
	return x
}

// fix restores the order after the element at i has changed.
func (h heap[T]) fix(i int) {
	if !h.down(i) {
		h.up(i)
	}
}

func (h heap[T]) up(i int) {
	x := h[i]
	for i > 0 {
		parent := (i - 1) / 2
		if !x.before(h[parent]) {
			break
		}
		h.put(i, h[parent])
		i = parent
	}
	h.put(i, x)
}

func (h heap[T]) down(i int) (moved bool) {
	x := h[i]
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(x) {
			break
		}
		h.put(i, h[child])
		i, moved = child, true
	}
	h.put(i, x)
	return moved
}

func (h heap[T]) put(i int, x T) {
	h[i] = x
	x.moved(i)
}
