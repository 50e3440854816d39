package main

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"github.com/rigx-build/rigx/engine/manifest"
)

// prepareMemory suits the heap to a short command on the project that dir is
// in. Almost all its memory lives until its end, so collecting early is waste:
// the first collection comes when the heap has 76 MB, later ones as usual.
func prepareMemory(dir string) {
	const large = 512 << 10 // bytes of rigx.toml: about 2,000 targets
	if size := manifestSize(dir); size >= large {
		reserve(min(28*size, 96<<20))
	}
	debug.SetGCPercent(1900) // of the 4 MB that the runtime starts with
	runtime.AddCleanup(new([64]byte), func(percent int) { debug.SetGCPercent(percent) }, 100)
}

// manifestSize is the size of the nearest rigx.toml, or 0.
func manifestSize(dir string) int {
	at, err := filepath.Abs(dir)
	for err == nil {
		if info, err := os.Stat(filepath.Join(at, manifest.FileName)); err == nil {
			return int(min(info.Size(), 1<<30))
		}
		up := filepath.Dir(at)
		if up == at {
			break
		}
		at = up
	}
	return 0
}
