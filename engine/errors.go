package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
)

// Version of rigx.
const Version = manifest.Version

// Error is a failure with a code and a remedy, for the user of a command.
type Error struct {
	Code    diagnostic.Code
	Message string
	// Help says what to do, one line each.
	Help []string
	// Log are the last lines of what failed, if it wrote any.
	Log []string
	Err error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// unwritable says which file could not be written, and what may help.
func unwritable(file string, err error) error {
	e := &Error{Code: diagnostic.Unwritable, Message: "cannot write " + file, Err: cause(err)}
	switch {
	case errors.Is(err, fs.ErrPermission):
		e.Help = []string{"give yourself the right to write to " + filepath.Dir(file)}
	case isDiskFull(err):
		e.Help = []string{"make room on the disk; `nix-collect-garbage` frees what no link protects"}
	}
	return e
}

// cause leaves out the name of a temporary file.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	var linkErr *os.LinkError
	if errors.As(err, &linkErr) {
		return linkErr.Err
	}
	return err
}

func isDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC)
}

func failure(code diagnostic.Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// InvalidError says that rigx.toml has errors, so that nothing was built.
type InvalidError struct {
	// Diagnostics holds the warnings of the run too.
	Diagnostics []*diagnostic.Diagnostic
	Manifest    *manifest.Manifest
}

func (e *InvalidError) Error() string {
	errors, _ := diagnostic.Count(e.Diagnostics)
	if errors == 1 {
		return "rigx.toml has an error"
	}
	return fmt.Sprintf("rigx.toml has %d errors", errors)
}

func hasErrors(ds []*diagnostic.Diagnostic) bool {
	errors, _ := diagnostic.Count(ds)
	return errors > 0
}
