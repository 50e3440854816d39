package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// With Go's own rule a small heap is collected every few keystrokes, which
// takes longer than what they cause. So memory up to frugal bytes may fill
// before that; a project that needs more is given a quarter more.
const frugal = 48 << 20

// tuneCollector keeps the memory limit in step with what is in use, and gives
// memory back once nobody types, until ctx ends.
func tuneCollector(ctx context.Context) {
	debug.SetGCPercent(400)
	in := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	var before uint64
	tidy := true
	for {
		metrics.Read(in)
		live, allocated := in[0].Value.Uint64(), in[1].Value.Uint64()
		debug.SetMemoryLimit(max(frugal, int64(live)*5/4))
		switch busy := allocated-before > 1<<20; {
		case busy:
			tidy = false
		case !tidy:
			debug.FreeOSMemory()
			tidy = true
		}
		before = allocated
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}
