package manifest

import (
	"runtime"
	"sync"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
)

// chunk is how many targets one worker takes at a time. It does not depend on
// the machine, so that the findings are the same everywhere.
const chunk = 64

// inChunks calls work for consecutive ranges that cover 0…n, several at once,
// and gathers what each call found in order. Calls must not write to what
// others read.
func inChunks(n int, found *diagnostic.List, work func(from, to int, found *diagnostic.List)) {
	if n <= chunk {
		work(0, n, found)
		return
	}
	lists := make([]diagnostic.List, (n+chunk-1)/chunk)
	next := make(chan int, len(lists))
	for i := range lists {
		next <- i
	}
	close(next)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(lists)) {
		workers.Go(func() {
			for i := range next {
				work(i*chunk, min((i+1)*chunk, n), &lists[i])
			}
		})
	}
	workers.Wait()
	for i := range lists {
		found.Append(lists[i].All())
	}
}
