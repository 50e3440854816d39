package source

import (
	"errors"
	"path"
	"strings"
)

// What [Clean] refuses.
var (
	ErrEmpty    = errors.New("the path is empty")
	ErrAbsolute = errors.New("the path is absolute")
	ErrOutside  = errors.New("the path leaves the project")
)

// Clean returns a project-relative path in its shortest form, "." for the
// root. It refuses what could reach outside.
func Clean(rel string) (string, error) {
	switch {
	case rel == "":
		return "", ErrEmpty
	case isAbsolute(rel):
		return "", ErrAbsolute
	case strings.ContainsRune(rel, 0):
		return "", ErrOutside
	}
	rel = path.Clean(rel)
	if leaves(rel) {
		return "", ErrOutside
	}
	if isAbsolute(rel) {
		return "", ErrAbsolute // "./C:/x"
	}
	return rel, nil
}

// isAbsolute reports whether a path is absolute on any system.
func isAbsolute(rel string) bool {
	return strings.HasPrefix(rel, "/") || strings.HasPrefix(rel, `\`) || len(rel) > 1 && rel[1] == ':' && isLetter(rel[0])
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// leaves reports whether a clean path relative to the root is not below it.
func leaves(rel string) bool { return rel == ".." || strings.HasPrefix(rel, "../") }
