package diagnostic

import "math/bits"

// Closest returns the candidate most like name, or "" when none is near enough
// that a person would call it a typing error: at most a third of the letters
// may differ, at least one.
func Closest(name string, candidates []string) string {
	if len(name) < 2 {
		return "" // everything as short is near
	}
	limit := max(len(name)/3, 1)
	best, letters := "", letterSet(name)
	for _, c := range candidates {
		if c == name || c == "" {
			continue
		}
		// An edit brings in at most one letter that the other lacks: most
		// candidates are out without a look at the order of the letters.
		if other := letterSet(c); bits.OnesCount64(letters&^other) > limit || bits.OnesCount64(other&^letters) > limit {
			continue
		}
		if d := distance(name, c, limit); d <= limit {
			best, limit = c, d-1
			if limit < 0 {
				break
			}
		}
	}
	return best
}

// letterSet has a bit for each byte of s, modulo 64.
func letterSet(s string) (set uint64) {
	for i := 0; i < len(s); i++ {
		set |= 1 << (s[i] & 63)
	}
	return set
}

// distance is the number of insertions, deletions, substitutions and swaps of
// neighbours between a and b (optimal string alignment), or limit+1 once it
// must exceed limit. Letter case costs nothing extra beyond a substitution.
func distance(a, b string, limit int) int {
	if diff := len(a) - len(b); diff > limit || -diff > limit {
		return limit + 1
	}
	if len(b) > 200 {
		return limit + 1
	}
	var buf [3][201]int
	before, prev, row := buf[0][:len(b)+1], buf[1][:len(b)+1], buf[2][:len(b)+1]
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > limit {
			return limit + 1
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}
