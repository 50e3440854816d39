package nix

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// autoRoots is where Nix keeps links to the links that users made.
const autoRoots = "/nix/var/nix/gcroots/auto"

func (n *Nix) beside(program string) string { return filepath.Join(filepath.Dir(n.Path), program) }

// Link makes link, an absolute path, a symbolic link to a store path, and
// registers it with Nix so that the path is not collected while the link is
// there. A link that is right already costs one look.
func (n *Nix) Link(ctx context.Context, link, storePath string) error {
	if to, err := os.Readlink(link); err == nil && to == storePath && Rooted(link) {
		return nil
	}
	if info, err := os.Lstat(link); err == nil && info.Mode()&fs.ModeSymlink == 0 {
		return fmt.Errorf("%s is there and is not a link; remove it", link)
	}
	if n.store != "" {
		// What another store keeps is its own affair; the link only says where.
		return replaceLink(link, storePath)
	}
	if UsesDaemon() || !writable(autoRoots) {
		return n.storeCommand(ctx, io.Discard, "--add-root", link, "--indirect", "--realise", storePath)
	}
	if err := replaceLink(link, storePath); err != nil {
		return err
	}
	return replaceLink(autoRoot(link), link)
}

// autoRoot is the place where Nix registers a link: named after the hash of
// its path.
func autoRoot(link string) string {
	sum := sha1.Sum([]byte(link))
	return filepath.Join(autoRoots, base32(sum[:]))
}

// Rooted reports whether Nix keeps what a link leads to.
func Rooted(link string) bool {
	to, err := os.Readlink(autoRoot(link))
	return err == nil && to == link
}

// replaceLink puts a symbolic link in place in one step.
func replaceLink(link, to string) error {
	if old, err := os.Readlink(link); err == nil && old == to {
		return nil
	}
	tmp := fmt.Sprintf("%s.tmp-%d", link, os.Getpid())
	if err := os.Symlink(to, tmp); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := os.Rename(tmp, link); err != nil {
		os.Remove(tmp)
		return err
	}
	return nil
}

// Unlink removes a link that [Nix.Link] made, and its registration where that
// is ours to remove; otherwise the next garbage collection does it.
func Unlink(link string) error {
	if err := os.Remove(link); err != nil {
		return err
	}
	if err := os.Remove(autoRoot(link)); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

const base32Digits = "0123456789abcdfghijklmnpqrsvwxyz"

// base32 is Nix's own: its digits leave out e, o, t and u, and the number is
// written from its last byte.
func base32(data []byte) string {
	n := (len(data)*8-1)/5 + 1
	out := make([]byte, n)
	for i := range out {
		bit := (n - 1 - i) * 5
		at, shift := bit/8, bit%8
		v := int(data[at]) >> shift
		if at+1 < len(data) {
			v |= int(data[at+1]) << (8 - shift)
		}
		out[i] = base32Digits[v&0x1f]
	}
	return string(out)
}
