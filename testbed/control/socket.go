package control

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// runtimeDir is where the sockets of this user are: a directory that nobody
// else can enter.
func runtimeDir() (string, error) {
	var candidates []string
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		candidates = append(candidates, filepath.Join(dir, "rigx"))
	}
	name := "rigx-" + strconv.Itoa(os.Getuid())
	candidates = append(candidates, filepath.Join(os.TempDir(), name), filepath.Join("/tmp", name))
	var errs []error
	for _, dir := range candidates {
		// The path of a socket is short: 104 bytes on macOS, 108 on Linux.
		if len(dir) > 70 {
			errs = append(errs, fmt.Errorf("%s is too long for the path of a socket", dir))
			continue
		}
		if err := OwnDir(dir); err != nil {
			errs = append(errs, err)
			continue
		}
		return dir, nil
	}
	return "", errors.Join(errs...)
}

// OwnDir makes dir, or checks that it is a directory of this user alone: in
// /tmp, somebody else may have made it.
func OwnDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || !ownedByUs(info) || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s is not a directory of this user alone (mode 0700): remove it", dir)
	}
	return nil
}

// newSocketDir makes a directory for one server.
func newSocketDir() (string, error) {
	base, err := runtimeDir()
	if err != nil {
		return "", err
	}
	_, _ = list(base) // which removes what servers that were killed have left
	return os.MkdirTemp(base, "control-")
}

// listen makes a socket that only its owner can open, even where the modes of
// sockets do not count, by the mode of the directory around it.
func listen(path string) (*net.UnixListener, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}
