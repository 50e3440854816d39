package capsule

// Health is a placeholder.
type Health struct{}
