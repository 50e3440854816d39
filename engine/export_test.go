package engine

// SetManySources has that many new sets of source files copied for Nix, until it is
// set back.
func SetManySources(n int) (back func()) {
	before := manySources
	manySources = n
	return func() { manySources = before }
}
