// Command rigx-ls is the language server for rigx.toml. It speaks the Language
// Server Protocol on its standard input and output.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"go.lsp.dev/jsonrpc2"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/lsp"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, in io.Reader, out, errOut io.Writer) int {
	flags := flag.NewFlagSet("rigx-ls", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.Usage = func() {
		fmt.Fprintln(errOut, "rigx-ls is the language server for rigx.toml; editors start it.\n\nUsage: rigx-ls [--version]")
		flags.PrintDefaults()
	}
	showVersion := flags.Bool("version", false, "print the version and exit")
	flags.Bool("stdio", true, "speak on standard input and output, which is all there is")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *showVersion {
		fmt.Fprintln(out, "rigx-ls", manifest.Version)
		return 0
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go tuneCollector(ctx)
	err := lsp.NewServer(lsp.Options{}).Serve(ctx, jsonrpc2.NewStream(stdio{in, out}))
	if err != nil {
		fmt.Fprintln(errOut, "rigx-ls:", err)
		return 1
	}
	return 0
}

// stdio is both standard streams as one connection.
type stdio struct {
	io.Reader
	io.Writer
}

// Close lets a read that waits for the client return.
func (s stdio) Close() error {
	if c, ok := s.Reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
