package engine

// SetManySources has that many new sets of source files added to the store before Nix evaluates,
// until it is set back.
func SetManySources(n int) (back func()) {
	before := manySources
	manySources = n
	return func() { manySources = before }
}
