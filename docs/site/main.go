// Command site writes the manual as a static web site.
//
//	rigx man --json | go run ./docs/site DIR
//
// It reads the pages from standard input and is run at the root of the
// repository, where the pictures are. `make site` does it. The pages need no
// scripts and nothing from elsewhere; a small script adds the search.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/rigx-build/rigx/docs"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "site:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: rigx man --json | site DIR")
	}
	var pages []docs.Page
	if err := json.NewDecoder(os.Stdin).Decode(&pages); err != nil {
		return fmt.Errorf("reading pages from standard input: %w", err)
	}
	return write(os.Args[1], ".", pages)
}
