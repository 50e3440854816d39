# Filled in by packaging/release: @VERSION@, and the checksum of each archive.
class Rigx < Formula
  desc "Build system around one declarative file, on top of Nix"
  homepage "https://github.com/rigx-build/rigx"
  version "@VERSION@"
  license "BSD-2-Clause"

  on_macos do
    on_arm do
      url "https://github.com/rigx-build/rigx/releases/download/v@VERSION@/rigx-@VERSION@-darwin-arm64.tar.gz"
      sha256 "@darwin/arm64@"
    end
    on_intel do
      url "https://github.com/rigx-build/rigx/releases/download/v@VERSION@/rigx-@VERSION@-darwin-amd64.tar.gz"
      sha256 "@darwin/amd64@"
    end
  end

  on_linux do
    on_arm do
      url "https://github.com/rigx-build/rigx/releases/download/v@VERSION@/rigx-@VERSION@-linux-arm64.tar.gz"
      sha256 "@linux/arm64@"
    end
    on_intel do
      url "https://github.com/rigx-build/rigx/releases/download/v@VERSION@/rigx-@VERSION@-linux-amd64.tar.gz"
      sha256 "@linux/amd64@"
    end
  end

  def install
    bin.install "rigx", "rigx-ls"
    bash_completion.install "completions/rigx.bash" => "rigx"
    zsh_completion.install "completions/_rigx"
    fish_completion.install "completions/rigx.fish"
    man1.install Dir["man/*.1"]
    man5.install Dir["man/*.5"]
    man7.install Dir["man/*.7"]
  end

  def caveats
    "rigx builds with Nix: https://nixos.org/download"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/rigx version")
    (testpath/"rigx.toml").write <<~TOML
      [project]
      name = "p"

      [targets.hello]
      kind    = "executable"
      sources = ["hello.c"]
    TOML
    (testpath/"hello.c").write "int main(void) { return 0; }\n"
    assert_match "hello", shell_output("#{bin}/rigx list")
    system bin/"rigx", "check", "--strict"
  end
end
