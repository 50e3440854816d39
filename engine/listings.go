package engine

import (
	"fmt"
	"os"
	"sync"

	"github.com/rigx-build/rigx/engine/source"
)

// listingsMagic begins the file; the number is that of the format.
const listingsMagic = "rigx listings 1\n"

func listingsFile(cacheDir, root string) string { return stateFile(cacheDir, root) + "-listings" }

// listings are what is remembered of the directories of a project.
type listings struct {
	*source.Listings
	// discarded says why what is in the file is not known.
	discarded error
}

// rememberedListings begins to read what the directories of a project held.
func rememberedListings(cacheDir, root string) func() listings {
	read := make(chan listings, 1)
	go func() { read <- readListings(listingsFile(cacheDir, root)) }()
	return sync.OnceValue(func() listings { return <-read })
}

func readListings(file string) listings {
	none := source.NewListings()
	data, err := os.ReadFile(file)
	if err != nil {
		return listings{none, nil}
	}
	body, err := unsealed(listingsMagic, data)
	if err != nil {
		return listings{none, err}
	}
	known, err := source.ReadListings(body)
	if err != nil {
		return listings{none, err}
	}
	return listings{known, nil}
}

// rememberListings writes what directories held, if that is something new.
func (w *Workspace) rememberListings() {
	l := w.listings()
	if l.discarded != nil {
		fmt.Fprintf(w.opts.Notes, "[rigx] what is remembered of directories is discarded: %v\n", l.discarded)
	}
	if l.Changed() || l.discarded != nil {
		writeSealed(listingsFile(w.opts.CacheDir, w.Dir()), listingsMagic, l.AppendTo(nil))
	}
}
