package capsule

// process is one that is not mistaken for a later one with the same number.
type process struct {
	pid   int
	start string // see startTime
}

// alive is false for one that was never seen.
func (p process) alive() bool { return p.start != "" && startTime(p.pid) == p.start }
