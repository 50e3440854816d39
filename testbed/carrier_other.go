//go:build !linux

package testbed

// A fleet has no carriers here: streams always run.
type fleet struct{}

func (*fleet) board(*connection) *carriage { return nil }
func (*fleet) close()                      {}

// A carriage is had on Linux only.
type carriage struct{ left chan struct{} }

func (*carriage) stop()         {}
func (*carriage) unload() error { return nil }
