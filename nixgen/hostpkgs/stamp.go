package hostpkgs

import (
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
)

// Stamp is another one whenever [Discover] might find something else: it
// depends on all files where that looks. It starts no process.
func Stamp(searchPath string) [sha256.Size]byte {
	dirs, libraries := programDirs(searchPath), libraryDirs()
	for _, dir := range libraries {
		dirs = append(dirs, filepath.Join(dir, "pkgconfig"))
	}
	home, _ := os.UserHomeDir()
	// What is installed for Python, and what rustup takes rustc to be.
	for _, dir := range programDirs(searchPath) {
		packages, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "lib/python3*/*-packages"))
		dirs = append(dirs, packages...)
	}
	dirs = append(dirs, "/usr/lib/python3/dist-packages")
	files := append([]string{filepath.Join(home, ".rustup/settings.toml"), filepath.Join(os.Getenv("RUSTUP_HOME"), "settings.toml")}, certificateBundles...)
	files = append(files, kernelFiles()...)
	here, _ := os.Getwd()
	for dir := here; ; dir = filepath.Dir(dir) {
		files = append(files, filepath.Join(dir, "rust-toolchain"), filepath.Join(dir, "rust-toolchain.toml"))
		if dir == filepath.Dir(dir) {
			break
		}
	}
	dirs, libraries = distinct(dirs), distinct(libraries)
	lines := make([][]byte, len(dirs)+len(libraries))
	var workers sync.WaitGroup
	next := make(chan int, len(lines))
	for i := range lines {
		next <- i
	}
	close(next)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range next {
				if i < len(dirs) {
					lines[i] = dirStamp(dirs[i], func(string) bool { return true })
				} else {
					lines[i] = dirStamp(libraries[i-len(dirs)], func(name string) bool { return libraryName(name) != "" })
				}
			}
		})
	}
	workers.Wait()
	var line []byte
	for _, file := range files {
		info, err := os.Stat(file)
		line = append(line, file...)
		if err == nil {
			line = appendStamp(line, info.Size(), info.ModTime().UnixNano(), uint32(info.Mode()))
		}
	}
	lines = append(lines, line)
	for _, text := range []string{here, home, searchPath, os.Getenv("RUSTUP_HOME"), os.Getenv("RUSTUP_TOOLCHAIN"), os.Getenv(KernelDirVariable)} {
		lines = append(lines, []byte(text))
	}
	h := sha256.New()
	for _, line := range lines {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(line))))
		h.Write(line)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// distinct are the directories without those that are the same: /bin is /usr/bin on most
// machines.
func distinct(dirs []string) []string {
	for i, dir := range dirs {
		dirs[i] = resolved(dir)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// appendStamp appends what tells one version of a file from another.
func appendStamp(b []byte, size, modified int64, mode uint32) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(size))
	b = binary.LittleEndian.AppendUint64(b, uint64(modified))
	return binary.LittleEndian.AppendUint32(b, mode)
}
