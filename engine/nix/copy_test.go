package nix

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A Nix whose copies end as if all were well, as those of 2.8 sometimes do when
// the link breaks: what did not arrive is missed, and sent again.
func TestCopyThatLies(t *testing.T) {
	dir := t.TempDir()
	for name, script := range map[string]string{
		"nix": `echo copy >>"$0.log"`,
		// Nothing is there before the second copy; nobody answers when a file says so.
		"nix-store": `if [ -e "$0.down" ]; then rm "$0.down"; echo "ssh: connect to host there port 22: No route to host" >&2; echo "error: cannot connect to 'there'" >&2; exit 1; fi
[ "$(grep -c copy "${0%-store}.log")" -gt 1 ] || echo /nix/store/a`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	n := &Nix{Path: filepath.Join(dir, "nix")}
	ctx := context.Background()
	if err := n.Copy(ctx, "", "ssh-ng://there", true, "/nix/store/a"); err == nil || !strings.Contains(err.Error(), "/nix/store/a did not arrive") {
		t.Errorf("what did not arrive: %v", err)
	}
	if err := n.Copy(ctx, "", "ssh-ng://there", true, "/nix/store/a"); err != nil {
		t.Errorf("what arrived: %v", err)
	}

	n.store = "ssh-ng://there"
	sent := func() (broke int, err error) {
		return broke, n.send(ctx, []string{"/nix/store/a"}, func(e Event) {
			if _, ok := e.(LinkBroken); ok {
				broke++
			}
		})
	}
	if err := os.WriteFile(filepath.Join(dir, "nix-store.down"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if broke, err := sent(); err != nil || broke != 1 {
		t.Errorf("nobody answers whether it arrived: sent again %d times: %v", broke, err)
	}
	if err := os.Remove(filepath.Join(dir, "nix.log")); err != nil {
		t.Fatal(err)
	}
	if broke, err := sent(); err != nil || broke != 1 {
		t.Errorf("it did not arrive: sent again %d times: %v", broke, err)
	}
}
