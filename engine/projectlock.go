package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// quietWait is how long a build waits for another one before it says so.
const quietWait = time.Second

// lockProject makes this the one process that builds in the project, and
// reports whether it had to wait for another. The lock ends with the process.
func (w *Workspace) lockProject(ctx context.Context) (unlock func(), waited bool, err error) {
	id := sha256.Sum256([]byte(w.Dir()))
	dir := filepath.Join(w.opts.CacheDir, "locks")
	if os.MkdirAll(dir, 0o755) != nil {
		// Nothing will be remembered, but that is no reason not to build.
		if dir, err = temporaryCache(); err != nil {
			return nil, false, err
		}
	}
	file := filepath.Join(dir, hex.EncodeToString(id[:8]))
	type taken struct {
		unlock func()
		err    error
	}
	done := make(chan taken, 1)
	begun := time.Now()
	go func() {
		unlock, err := lockedfile.MutexAt(file).Lock()
		done <- taken{unlock, err}
	}()
	said := time.After(quietWait)
	for {
		select {
		case t := <-done:
			if t.err != nil {
				return nil, false, unwritable(file, t.err)
			}
			return t.unlock, time.Since(begun) > quietWait/100, nil
		case <-said:
			fmt.Fprintln(w.opts.Notes, "[rigx] waiting for another rigx that builds in this project")
		case <-ctx.Done():
			go func() {
				if t := <-done; t.unlock != nil {
					t.unlock()
				}
			}()
			return nil, true, ctx.Err()
		}
	}
}
