package nix

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// autoRoots is where Nix keeps links to the links that users made.
const autoRoots = "/nix/var/nix/gcroots/auto"

func (n *Nix) beside(program string) string { return filepath.Join(filepath.Dir(n.Path), program) }

// A Link is a symbolic link to a store path, by its absolute path.
type Link struct{ Path, To string }

// Link makes links, and registers them with Nix so that what they lead to is not
// collected while they are there. A link that is right already costs one look. The
// result has an error for each, nil for those that are made.
func (n *Nix) Link(ctx context.Context, links ...Link) []error {
	errs := make([]error, len(links))
	var byDaemon []int
	for i, link := range links {
		if to, err := os.Readlink(link.Path); err == nil && to == link.To && Rooted(link.Path) {
			continue
		}
		info, err := os.Lstat(link.Path)
		switch {
		case err == nil && info.Mode()&fs.ModeSymlink == 0:
			errs[i] = fmt.Errorf("%s is there and is not a link; remove it", link.Path)
		case n.store != "":
			// What another store keeps is its own affair; the link only says where.
			errs[i] = replaceLink(link.Path, link.To)
		case UsesDaemon() || !writable(autoRoots):
			byDaemon = append(byDaemon, i)
		default:
			if errs[i] = replaceLink(link.Path, link.To); errs[i] == nil {
				errs[i] = replaceLink(autoRoot(link.Path), link.Path)
			}
		}
	}
	if len(byDaemon) > 0 {
		n.linkByDaemon(ctx, links, byDaemon, errs)
	}
	return errs
}

// linkByDaemon makes some of the links where only the daemon may register them.
// Where it cannot be asked, nix-store is, which takes longer than many a build.
func (n *Nix) linkByDaemon(ctx context.Context, links []Link, some []int, errs []error) {
	d, broken := dialDaemon(ctx)
	if broken == nil {
		defer d.close()
	}
	for _, i := range some {
		link := links[i]
		if broken == nil {
			if errs[i] = replaceLink(link.Path, link.To); errs[i] != nil {
				continue
			}
			if broken = d.register(link.Path); broken == nil && Rooted(link.Path) {
				continue
			}
		}
		errs[i] = n.storeCommand(ctx, io.Discard, "--add-root", link.Path, "--indirect", "--realise", link.To)
	}
}

// autoRoot is the place where Nix registers a link: named after the hash of
// its path.
func autoRoot(link string) string {
	sum := sha1.Sum([]byte(link))
	return filepath.Join(autoRoots, base32(sum[:]))
}

// InStore reports whether a path is one of the store, there or not.
func InStore(path string) bool { return strings.HasPrefix(path, storeDir+"/") }

// Rooted reports whether Nix keeps what a link leads to.
func Rooted(link string) bool {
	to, err := os.Readlink(autoRoot(link))
	return err == nil && to == link
}

// replaceLink puts a symbolic link in place in one step.
func replaceLink(link, to string) error {
	if err := os.Symlink(to, link); !errors.Is(err, fs.ErrExist) {
		return err
	}
	if old, err := os.Readlink(link); err == nil && old == to {
		return nil
	}
	// Whoever was killed may have left a link aside, and processes may have one number.
	var tmp string
	for {
		tmp = fmt.Sprintf("%s.tmp-%016x", link, rand.Uint64())
		err := os.Symlink(to, tmp)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
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
