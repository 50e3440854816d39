//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// become replaces this process with a program, which is looked for on the PATH
// of its own environment: so it has the terminal, gets its signals, and its exit
// status is the command's.
func (a *app) become(_ context.Context, args, environ []string) error {
	path := args[0]
	if !strings.Contains(path, "/") {
		for _, v := range environ {
			if dirs, ok := strings.CutPrefix(v, "PATH="); ok {
				path = lookIn(strings.Split(dirs, ":"), args[0])
			}
		}
	}
	err := syscall.Exec(path, args, environ)
	if errors.Is(err, syscall.ENOENT) {
		err = fmt.Errorf("there is no program `%s`, neither in the environment nor on PATH", args[0])
	}
	return err
}

func lookIn(dirs []string, name string) string {
	for _, dir := range dirs {
		file := dir + "/" + name
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file
		}
	}
	return name
}
