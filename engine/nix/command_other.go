//go:build !unix

package nix

import "os/exec"

func ownGroup(*exec.Cmd) {}

func endQuietly(*exec.Cmd) {}

func killGroup(*exec.Cmd) {}

func exitStatus(err *exec.ExitError) int { return err.ExitCode() }

func writable(string) bool { return false }
