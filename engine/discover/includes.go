package discover

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// includes are what some sources in C or C++ include, directly or through other
// headers of the project.
type includes struct {
	// dirs must be on the include path.
	dirs []string
	// beside are headers that are found without a path.
	beside []string
	// system are those that are not in the project.
	system []string
	// lost were expected in the project ("…") and are not there.
	lost []string
}

var includeLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]`)
})

// headerExtensions are those of files that are included.
var headerExtensions = []string{".h", ".hh", ".hpp", ".hxx", ".inc", ".inl", ".ipp", ".tpp", ".def"}

// headers finds the headers of the project.
type headers struct {
	f      *finder
	byBase map[string][]string
	// lines are the #include lines of each file that was read.
	lines map[string][]included
}

// included is one #include line.
type included struct {
	name   string
	quoted bool
	// header is what it means, found beside the file or else in dir.
	header, dir string
	beside      bool
}

func (f *finder) headers() headers {
	h := headers{f, map[string][]string{}, map[string][]included{}}
	for _, file := range f.files {
		if !f.claimed[file] && slices.Contains(headerExtensions, path.Ext(file)) {
			h.byBase[path.Base(file)] = append(h.byBase[path.Base(file)], file)
		}
	}
	return h
}

// of follows the #include lines of files, and of what they include.
func (h headers) of(files []string) includes {
	var out includes
	seen := map[string]bool{}
	queue := slices.Clone(files)
	for len(queue) > 0 {
		file := queue[0]
		queue = queue[1:]
		if seen[file] {
			continue
		}
		seen[file] = true
		for _, line := range h.in(file) {
			switch _, known := systemLibrary(line.name); {
			case line.beside:
				out.beside = set(out.beside, line.header)
				queue = append(queue, line.header)
			case line.header != "":
				out.dirs = set(out.dirs, line.dir)
				queue = append(queue, line.header)
			case line.quoted && !known:
				out.lost = set(out.lost, line.name)
			default:
				out.system = set(out.system, line.name)
			}
		}
	}
	out.beside = slices.DeleteFunc(out.beside, func(header string) bool {
		return slices.ContainsFunc(out.dirs, func(dir string) bool { return dir != "." && below(header, dir) })
	})
	slices.Sort(out.beside)
	return out
}

// in reads the #include lines of a file.
func (h headers) in(file string) []included {
	if lines, ok := h.lines[file]; ok {
		return lines
	}
	var out []included
	for _, m := range includeLine().FindAllStringSubmatch(h.f.read(file), -1) {
		line := included{name: m[2], quoted: m[1] == `"`}
		if beside := path.Join(path.Dir(file), line.name); line.quoted && h.f.has(beside) {
			line.header, line.beside = beside, true
		} else {
			line.dir, line.header = h.find(file, line.name)
		}
		out = append(out, line)
	}
	h.lines[file] = out
	return out
}

// find returns the header that is included as name, and the directory that must
// be on the include path for it. Directories called include are meant for that;
// near ones are preferred.
func (h headers) find(from, name string) (dir, header string) {
	best := -1
	for _, candidate := range h.byBase[path.Base(name)] {
		d, ok := strings.CutSuffix("/"+candidate, "/"+name)
		if !ok {
			continue
		}
		d = strings.TrimPrefix(d, "/")
		score := 0
		if base := path.Base(d); base == "include" || base == "inc" {
			score += 100
		}
		if roleOf(candidate) == roleOf(from) {
			score += 10
		}
		for parent := path.Dir(from); parent != "."; parent = path.Dir(parent) {
			if below(candidate, parent) {
				score += 5
			}
		}
		if score > best {
			best, dir, header = score, path.Clean(d), candidate
		}
	}
	return dir, header
}

// library is what a header of the system needs.
type library struct {
	// pkg is the attribute of nixpkgs, "" if the compiler brings it.
	pkg   string
	flags []string
}

// systemLibrary returns what a program that includes a header is linked with.
func systemLibrary(header string) (library, bool) {
	if lib, ok := systemLibraries[header]; ok {
		return lib, true
	}
	first, _, ok := strings.Cut(header, "/")
	if !ok {
		return library{}, false
	}
	lib, ok := systemLibraries[first+"/"]
	return lib, ok
}

// packageOfFlag is the package that has the library of a linker flag, "" if the
// compiler has it or nothing is known.
func packageOfFlag(flag string) string {
	for _, lib := range systemLibraries {
		if slices.Contains(lib.flags, flag) && flag != "-pthread" {
			return lib.pkg
		}
	}
	return ""
}

// systemLibraries by header, or by the first directory of it.
var systemLibraries = map[string]library{
	"math.h": {"", []string{"-lm"}}, "complex.h": {"", []string{"-lm"}}, "tgmath.h": {"", []string{"-lm"}},
	"dlfcn.h":   {"", []string{"-ldl"}},
	"pthread.h": {"", []string{"-pthread"}}, "threads.h": {"", []string{"-pthread"}},
	"thread": {"", []string{"-pthread"}}, "future": {"", []string{"-pthread"}},
	"zlib.h": {"zlib", []string{"-lz"}}, "bzlib.h": {"bzip2", []string{"-lbz2"}}, "lzma.h": {"xz", []string{"-llzma"}}, "zstd.h": {"zstd", []string{"-lzstd"}},
	"openssl/": {"openssl", []string{"-lssl", "-lcrypto"}}, "sodium.h": {"libsodium", []string{"-lsodium"}},
	"curl/": {"curl", []string{"-lcurl"}}, "sqlite3.h": {"sqlite", []string{"-lsqlite3"}},
	"ncurses.h": {"ncurses", []string{"-lncurses"}}, "curses.h": {"ncurses", []string{"-lncurses"}}, "readline/": {"readline", []string{"-lreadline"}},
	"uv.h": {"libuv", []string{"-luv"}}, "zmq.h": {"zeromq", []string{"-lzmq"}}, "yaml-cpp/": {"yaml-cpp", []string{"-lyaml-cpp"}},
	"fmt/": {"fmt", []string{"-lfmt"}}, "spdlog/": {"spdlog", []string{"-lspdlog"}}, "nlohmann/": {"nlohmann_json", nil},
	"boost/": {"boost", nil}, "Eigen/": {"eigen", nil},
	"gtest/": {"gtest", []string{"-lgtest", "-pthread"}}, "gmock/": {"gtest", []string{"-lgmock", "-lgtest", "-pthread"}},
	"catch2/": {"catch2_3", []string{"-lCatch2"}},
}
