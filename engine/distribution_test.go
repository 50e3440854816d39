package engine

import "testing"

// The texts are those of the distributions.
func TestDistributions(t *testing.T) {
	for _, c := range []struct{ release, want string }{
		{"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n", "sudo apt-get install openssh-client"},
		{"NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "sudo apt-get install openssh-client"},
		{"NAME=\"Fedora Linux\"\nID=fedora\n", "sudo dnf install openssh-clients"},
		{"ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", "sudo dnf install openssh-clients"},
		{"NAME=\"openSUSE Tumbleweed\"\nID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n", "sudo zypper install openssh-clients"},
		{"ID=endeavouros\nID_LIKE=\"arch\"\n", "sudo pacman -S openssh"},
		{"ID=alpine\n", "sudo apk add openssh-client"},
		{"ID=nixos\n", "add to environment.systemPackages in configuration.nix: openssh"},
	} {
		if got := distributionOf(c.release).get("openssh-client"); got != c.want {
			t.Errorf("%q: %q, want %q", c.release, got, c.want)
		}
	}
	if d := distributionOf("ID=plan9\n"); d != nil {
		t.Errorf("plan9 is like %v", d.ids)
	}
	if got := (*distribution)(nil).get("git"); got != "install git" {
		t.Errorf("unknown: %q", got)
	}
}
