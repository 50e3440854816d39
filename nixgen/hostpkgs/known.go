package hostpkgs

// Known says what an attribute of nixpkgs is on a machine that was not set up
// by Nix.
type Known struct {
	// Programs that the package must bring; the first is the one whose absence
	// is reported.
	Programs []string `json:"programs,omitempty"`
	// Libraries that must be installed for development.
	Libraries []string `json:"libraries,omitempty"`
	// Debian is the package that has them.
	Debian string `json:"debian,omitempty"`
}

func tool(debian string, programs ...string) Known { return Known{Programs: programs, Debian: debian} }

func library(debian string, libraries ...string) Known {
	return Known{Libraries: libraries, Debian: debian}
}

// known is the table of attributes whose programs or libraries are not called
// like the attribute. All others are looked up by their own name.
var known = map[string]Known{
	"bash":          {Programs: []string{"bash"}, Debian: "bash"},
	"binutils":      tool("binutils", "ld", "as", "ar", "nm", "objcopy", "objdump", "ranlib", "readelf", "strip", "strings"),
	"bzip2":         tool("bzip2", "bzip2", "bunzip2", "bzcat"),
	"cargo":         tool("cargo", "cargo"),
	"clang":         tool("clang", "clang", "clang++"),
	"cmake":         tool("cmake", "cmake", "ctest", "cpack"),
	"coreutils":     tool("coreutils", coreutils...),
	"curl":          tool("curl", "curl"),
	"diffutils":     tool("diffutils", "diff", "cmp", "diff3", "sdiff"),
	"file":          tool("file", "file"),
	"findutils":     tool("findutils", "find", "xargs"),
	"gawk":          tool("gawk", "awk"),
	"gcc":           tool("gcc", "gcc", "g++", "cpp"),
	"git":           tool("git", "git"),
	"gnugrep":       tool("grep", "grep", "egrep", "fgrep"),
	"gnumake":       tool("make", "make"),
	"gnupatch":      tool("patch", "patch"),
	"gnused":        tool("sed", "sed"),
	"gnutar":        tool("tar", "tar"),
	"go":            tool("golang-go", "go", "gofmt"),
	"gzip":          tool("gzip", "gzip", "gunzip", "zcat"),
	"imagemagick":   tool("imagemagick", "convert", "identify"),
	"iproute2":      tool("iproute2", "ip", "ss"),
	"jq":            tool("jq", "jq"),
	"netcat":        tool("netcat-openbsd", "nc"),
	"nim":           tool("nim", "nim"),
	"ninja":         tool("ninja-build", "ninja"),
	"nodejs":        tool("nodejs", "node"),
	"openssh":       tool("openssh-client", "ssh", "scp", "sftp", "ssh-keygen"),
	"pkg-config":    tool("pkg-config", "pkg-config"),
	"postgresql":    tool("postgresql-client", "psql"),
	"procps":        tool("procps", "ps", "pgrep", "pkill", "free", "top"),
	"protobuf":      {Programs: []string{"protoc"}, Libraries: []string{"protobuf"}, Debian: "protobuf-compiler libprotobuf-dev"},
	"ripgrep":       tool("ripgrep", "rg"),
	"rustc":         tool("rustc", "rustc", "rustdoc"),
	"sqlite":        {Programs: []string{"sqlite3"}, Libraries: []string{"sqlite3"}, Debian: "sqlite3 libsqlite3-dev"},
	"unzip":         tool("unzip", "unzip"),
	"util-linux":    tool("util-linux", "flock", "getopt", "mount", "unshare"),
	"uv":            tool("", "uv"),
	"which":         tool("debianutils", "which"),
	"xz":            tool("xz-utils", "xz", "unxz", "xzcat"),
	"zig":           tool("", "zig"),
	"zip":           tool("zip", "zip"),
	"zstd":          tool("zstd", "zstd"),
	"boost":         library("libboost-all-dev", "boost_system"),
	"catch2_3":      library("catch2", "Catch2"),
	"eigen":         library("libeigen3-dev", "eigen3"),
	"fmt":           library("libfmt-dev", "fmt"),
	"gtest":         library("libgtest-dev", "gtest"),
	"libsodium":     library("libsodium-dev", "sodium"),
	"libuv":         library("libuv1-dev", "uv"),
	"ncurses":       library("libncurses-dev", "ncurses"),
	"nlohmann_json": library("nlohmann-json3-dev", "nlohmann_json"),
	"openssl":       {Programs: []string{"openssl"}, Libraries: []string{"ssl"}, Debian: "openssl libssl-dev"},
	"readline":      library("libreadline-dev", "readline"),
	"spdlog":        library("libspdlog-dev", "spdlog"),
	"yaml-cpp":      library("libyaml-cpp-dev", "yaml-cpp"),
	"zeromq":        library("libzmq3-dev", "zmq"),
	"zlib":          library("zlib1g-dev", "z"),
}

// coreutils is every program of GNU coreutils that builds are known to call.
var coreutils = []string{
	"cat", "basename", "base64", "chmod", "chown", "cksum", "comm", "cp", "csplit", "cut", "date", "dd", "df", "dirname", "du",
	"echo", "env", "expand", "expr", "factor", "false", "fmt", "fold", "head", "id", "install", "join", "kill", "link", "ln",
	"ls", "md5sum", "mkdir", "mkfifo", "mktemp", "mv", "nice", "nl", "nohup", "nproc", "numfmt", "od", "paste", "pr",
	"printenv", "printf", "pwd", "readlink", "realpath", "rm", "rmdir", "seq", "sha1sum", "sha256sum", "sha512sum", "shred",
	"shuf", "sleep", "sort", "split", "stat", "stdbuf", "sum", "sync", "tac", "tail", "tee", "test", "timeout", "touch", "tr",
	"true", "truncate", "tsort", "tty", "uname", "unexpand", "uniq", "unlink", "wc", "whoami", "yes", "[",
}
