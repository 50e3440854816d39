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
		// Nothing is there before the second copy.
		"nix-store": `[ "$(grep -c copy "${0%-store}.log")" -gt 1 ] || echo /nix/store/a`,
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

	if err := os.Remove(filepath.Join(dir, "nix.log")); err != nil {
		t.Fatal(err)
	}
	n.store = "ssh-ng://there"
	var broke int
	if err := n.send(ctx, []string{"/nix/store/a"}, func(e Event) {
		if _, ok := e.(LinkBroken); ok {
			broke++
		}
	}); err != nil || broke != 1 {
		t.Errorf("sent again %d times: %v", broke, err)
	}
}
