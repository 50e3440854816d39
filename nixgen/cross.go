package nixgen

// platform says what a `target` means to each toolchain.
type platform struct {
	pkgsCross    string // attribute of pkgs.pkgsCross
	system       string // of Nix
	goos, goarch string
	goarm        string
	zig          string // triple
	nimCPU       string
	nimOS        string
	rust         string // triple
}

// platforms are the names that the manual lists. Any other name is passed on
// as it stands.
var platforms = map[string]platform{
	"aarch64-linux":     {"aarch64-multiplatform", "aarch64-linux", "linux", "arm64", "", "aarch64-linux-musl", "arm64", "linux", "aarch64-unknown-linux-gnu"},
	"armv7-linux":       {"armv7l-hf-multiplatform", "armv7l-linux", "linux", "arm", "7", "arm-linux-musleabihf", "arm", "linux", "armv7-unknown-linux-gnueabihf"},
	"x86_64-linux-musl": {"musl64", "x86_64-linux", "linux", "amd64", "", "x86_64-linux-musl", "amd64", "linux", "x86_64-unknown-linux-musl"},
	"x86_64-windows":    {"mingwW64", "x86_64-windows", "windows", "amd64", "", "x86_64-windows-gnu", "amd64", "windows", "x86_64-pc-windows-gnu"},
}

func platformOf(target string) platform {
	if p, ok := platforms[target]; ok {
		return p
	}
	return platform{pkgsCross: target, zig: target, rust: target}
}

// crossPackages is the package set whose compilers build for the target.
func crossPackages(target string) string {
	return "pkgs.pkgsCross." + AttrName(platformOf(target).pkgsCross)
}

// crossStdenv is the stdenv that builds for the target, with a compiler other
// than the usual one if it is named.
func crossStdenv(target, compiler string) string {
	if compiler == "" {
		return crossPackages(target) + ".stdenv"
	}
	return crossPackages(target) + "." + stdenvOf(compiler)
}
