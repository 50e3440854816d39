package hostpkgs

import (
	"bytes"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// dirStamp tells the files of a directory that count, and their versions. There are
// thousands, so they are looked at relative to the open directory.
func dirStamp(dir string, counts func(name string) bool) []byte {
	f, err := os.Open(dir)
	if err != nil {
		return []byte(dir)
	}
	defer func() { _ = f.Close() }()
	names, _ := f.Readdirnames(-1)
	names = slices.DeleteFunc(names, func(name string) bool { return !counts(name) })
	slices.Sort(names)
	// One directory has most of the programs.
	parts := slices.Collect(slices.Chunk(names, 256))
	stamps := make([][]byte, len(parts))
	var workers sync.WaitGroup
	for i, part := range parts {
		workers.Go(func() { stamps[i] = namesStamp(int(f.Fd()), part) })
	}
	workers.Wait()
	return append([]byte(dir), bytes.Join(stamps, nil)...)
}

func namesStamp(dir int, names []string) []byte {
	b := make([]byte, 0, 48*len(names))
	for _, name := range names {
		b = append(append(b, 0), name...)
		var st unix.Stat_t
		if unix.Fstatat(dir, name, &st, 0) != nil || st.Mode&unix.S_IFMT == unix.S_IFDIR {
			continue // that it is there is enough
		}
		b = appendStamp(b, st.Size, st.Mtim.Nano(), st.Mode)
	}
	return b
}
