//go:build !unix

package lsp

import "os/exec"

// interruptible leaves it at killing the process, which is all there is.
func interruptible(*exec.Cmd) {}
