package testbed

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// The rates of 100,000 datagrams through a link are those of the rule, within
// 3 sigma. Since the seed is given, so is the result.
func TestRates(t *testing.T) {
	t.Parallel()
	const count, rate = 100_000, 0.1
	for name, c := range map[string]struct {
		rule    Rule
		counter func(Counters) int64
	}{
		"drop":      {Rule{Drop: rate}, func(c Counters) int64 { return c.Dropped }},
		"corrupt":   {Rule{Corrupt: rate}, func(c Counters) int64 { return c.Corrupted }},
		"duplicate": {Rule{Duplicate: rate}, func(c Counters) int64 { return c.Duplicated }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, Options{Seed: 1})
			l.fault(c.rule)
			arrived := l.flood(count)
			sigma := math.Sqrt(count * rate * (1 - rate))
			if got := float64(c.counter(l.state(overUDP).Forward)); math.Abs(got-count*rate) > 3*sigma {
				t.Errorf("it happens to %v of %d; want %v ± %.0f", got, count, count*rate, 3*sigma)
			}
			missing := int64(0)
			for _, ok := range arrived {
				if !ok {
					missing++
				}
			}
			// A corrupted datagram may look like another one, or like none.
			if name != "corrupt" && missing != l.state(overUDP).Forward.Dropped {
				t.Errorf("%d are missing, and %d are said to be dropped", missing, l.state(overUDP).Forward.Dropped)
			}
		})
	}
}

// One seed in 370 may be outside of 3 sigma; over many it shows whether the
// random numbers are any good.
func TestRatesOfManySeeds(t *testing.T) {
	t.Parallel()
	const seeds, count, rate = 200, 10_000, 0.3
	rules := map[string]struct {
		rule Rule
		hit  func(fate) bool
	}{
		"drop":      {Rule{Drop: rate}, func(f fate) bool { return f.losses > 0 }},
		"good loss": {Rule{Burst: Burst{GoodLoss: rate}}, func(f fate) bool { return f.losses > 0 }},
		"corrupt":   {Rule{Corrupt: rate}, func(f fate) bool { return f.corrupt }},
		"duplicate": {Rule{Duplicate: rate}, func(f fate) bool { return f.duplicate }},
		"reorder":   {Rule{Reorder: rate}, func(f fate) bool { return f.reorder }},
		"reset":     {Rule{Reset: rate}, func(f fate) bool { return f.reset }},
		"jitter":    {Rule{Delay: 1e9, Jitter: 1e9}, func(f fate) bool { return f.delay < 6e8 }},
	}
	sigma := math.Sqrt(count * rate * (1 - rate))
	for name, r := range rules {
		outside, sum := 0, 0.0
		for seed := range uint64(seeds) {
			q := sequence{source: newSource(seed, overUDP, Forward, 1)}
			hits := 0
			for range count {
				if r.hit(q.next(&r.rule)) {
					hits++
				}
			}
			z := (float64(hits) - count*rate) / sigma
			sum += z * z
			if math.Abs(z) > 3 {
				outside++
			}
		}
		// 0.54 are expected; the variance of what is normally distributed is 1.
		if variance := sum / seeds; outside > 3 || variance < 0.7 || variance > 1.3 {
			t.Errorf("%s: %d of %d seeds are outside of 3 sigma, and the variance is %.2f; want about none and 1", name, outside, seeds, variance)
		}
	}
}

// With the same seed the same datagrams are lost, whatever else goes on.
func TestSeed(t *testing.T) {
	t.Parallel()
	run := func(seed uint64, traffic bool) []bool {
		l := newLab(t, Options{Seed: seed})
		l.fault(Rule{Drop: 0.2, Burst: Burst{Enter: 0.01, Leave: 0.3, Loss: 0.5}})
		if traffic { // through another link of the same fault
			sim, fc := l.pair()
			send(t, sim, "hello")
			defer expect(t, fc, "hello")
		}
		return l.flood(2000)
	}
	first := run(42, false)
	if again := run(42, true); !slices.Equal(first, again) {
		t.Error("the same seed loses other datagrams")
	}
	if other := run(43, false); slices.Equal(first, other) {
		t.Error("another seed loses the same datagrams")
	}
	if n := newLab(t, Options{}); n.Seed() == newLab(t, Options{}).Seed() || n.Seed() == 0 {
		t.Error("two networks have the same random seed")
	}
}

// Links, directions and faults are independent of each other.
func TestIndependence(t *testing.T) {
	t.Parallel()
	back := Link{From: "fc", To: "sim", Port: 5001, Proto: UDP}
	sources := map[string]source{}
	for _, l := range []Link{overTCP, overUDP, back} {
		for _, d := range []Direction{Forward, Backward} {
			for fault := 1; fault <= 3; fault++ {
				sources[fmt.Sprint(l, d, fault)] = newSource(42, l, d, fault)
			}
		}
	}
	sources["of a connection"] = newSource(42, overTCP, Forward, 1).of(1)
	sources["of another one"] = newSource(42, overTCP, Forward, 1).of(2)
	const count, half = 4000, 0.5
	for a, x := range sources {
		for b, y := range sources {
			if a >= b {
				continue
			}
			same := 0
			for n := range uint64(count) {
				if x.chance(n, drawDrop, half) == y.chance(n, drawDrop, half) {
					same++
				}
			}
			if math.Abs(float64(same)-count/2) > 5*math.Sqrt(count)/2 {
				t.Errorf("%s and %s agree in %d of %d cases; want about half", a, b, same, count)
			}
		}
	}
}
