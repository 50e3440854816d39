package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Volume is a directory of the host that nodes share.
type Volume struct {
	network *Network
	name    string
	path    string
}

// Name is what it was made with.
func (v *Volume) Name() string { return v.name }

// Path is where it is on the host.
func (v *Volume) Path() string { return v.path }

// SharedVolume makes an empty directory that lives as long as the network, or
// finds the one that was made with the same name.
func (n *Network) SharedVolume(name string) (*Volume, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, errClosed
	}
	if v := n.volumes[name]; v != nil {
		return v, nil
	}
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00:,") {
		return nil, fmt.Errorf("a shared volume cannot be named %q: it is the name of a directory, without / \\ : and ,", name)
	}
	if n.dir == "" {
		dir, err := os.MkdirTemp(n.options.Dir, "testbed-")
		if err != nil {
			return nil, err
		}
		n.dir = dir
	}
	v := &Volume{network: n, name: name, path: filepath.Join(n.dir, name)}
	// Programs of other users, as containers run them, must be able to write
	// here; n.dir itself is closed to all but those that it is mounted into.
	if err := os.Mkdir(v.path, 0o777); err != nil {
		return nil, fmt.Errorf("shared volume %s: %w", name, err)
	}
	if err := os.Chmod(v.path, 0o777); err != nil { // whatever the umask is
		return nil, fmt.Errorf("shared volume %s: %w", name, err)
	}
	n.volumes[name] = v
	return v, nil
}
