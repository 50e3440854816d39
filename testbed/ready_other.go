//go:build !unix

package testbed

// wait leaves it to the read to block.
func (e *end) wait() error { return nil }

// gone is not known here.
func gone(*end) bool { return false }
