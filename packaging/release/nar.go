package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
)

// narHash is the hash that Nix gives a directory: that of its archive in Nix's
// own format, which knows names, contents, links and what is executable.
func narHash(dir string) (string, error) {
	h := sha256.New()
	n := nar{h}
	n.words("nix-archive-1")
	if err := n.node(dir); err != nil {
		return "", err
	}
	return "sha256-" + base64.StdEncoding.EncodeToString(h.Sum(nil)), nil
}

// nar writes to a hash, which takes everything.
type nar struct{ w io.Writer }

// words writes each with its length before and zeros behind, up to a multiple of
// eight bytes.
func (n nar) words(words ...string) {
	for _, word := range words {
		_ = binary.Write(n.w, binary.LittleEndian, uint64(len(word)))
		_, _ = io.WriteString(n.w, word)
		_, _ = n.w.Write(make([]byte, (8-len(word)%8)%8))
	}
}

func (n nar) node(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	n.words("(", "type")
	switch mode := info.Mode(); {
	case mode&os.ModeSymlink != 0:
		to, err := os.Readlink(path)
		if err != nil {
			return err
		}
		n.words("symlink", "target", to)
	case mode.IsDir():
		n.words("directory")
		entries, err := os.ReadDir(path) // sorted, as Nix wants them
		if err != nil {
			return err
		}
		for _, e := range entries {
			n.words("entry", "(", "name", e.Name(), "node")
			if err := n.node(filepath.Join(path, e.Name())); err != nil {
				return err
			}
			n.words(")")
		}
	default:
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n.words("regular")
		if mode&0o111 != 0 {
			n.words("executable", "")
		}
		n.words("contents", string(data))
	}
	n.words(")")
	return nil
}
