package testbed

// What is random is a function of numbers that do not depend on when anything
// runs: the seed of the network, the name of the link, the direction, the number
// of the fault, and the number of the datagram or chunk. The n-th datagram
// meets the same fate in every run, whatever happens on other links.

// A source gives the random numbers of one fault on one direction of a link.
type source uint64

func newSource(seed uint64, l Link, d Direction, fault int) source {
	const prime, offset = 1099511628211, 14695981039346656037 // FNV-1a
	h := uint64(offset)
	for _, c := range []byte(l.String()) {
		h = (h ^ uint64(c)) * prime
	}
	return source(mix(mix(mix(seed)^h) + uint64(d)<<32 + uint64(fault)))
}

// of is the source of one connection of the link.
func (s source) of(connection int) source { return source(mix(uint64(s) ^ uint64(connection)<<1 | 1)) }

// A draw is what a random number is for.
type draw uint64

const (
	drawDrop draw = iota
	drawState
	drawLoss
	drawCorrupt
	drawPlace
	drawValue
	drawDuplicate
	drawReorder
	drawJitter
	drawReset
	drawAgain // and those after it: further losses of the same chunk
)

func (s source) bits(n uint64, d draw) uint64 {
	return mix(mix(uint64(s)+n*0x9e3779b97f4a7c15) + uint64(d)*0xd1342543de82ef95)
}

// uniform is in [0,1).
func (s source) uniform(n uint64, d draw) float64 {
	return float64(s.bits(n, d)>>11) / (1 << 53)
}

// chance is true with the given probability.
func (s source) chance(n uint64, d draw, probability float64) bool {
	return probability > 0 && s.uniform(n, d) < probability
}

// below is in [0,limit).
func (s source) below(n uint64, d draw, limit int) int {
	return int(s.uniform(n, d) * float64(limit))
}

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
