package nix

import (
	"context"
	_ "embed"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// Whenever a build ends, Nix before 2.35 looks again at every derivation that waits for
// a place: it locks its outputs, asks the database, and learns that there is none.
// So N builds at once cost time that grows with the square of N, which is as much as the
// builds themselves if there are 500 that take moments. Building them in parts, one after
// the other in the same process, costs nothing but a moment at the end of each part in
// which some places are empty.

//go:embed parts.nix
var partsNix string

const (
	// manyDerivations are worth it.
	manyDerivations = 128
	// A part has several derivations for each place, and not fewer than smallestPart.
	perPlace, smallestPart = 16, 64
	// Moment is how long a build may take to count as brief. Where one takes longer, the
	// places that it leaves empty would cost more than all that is saved.
	Moment = 2 * time.Second
)

// worthParts reports whether some derivations are built faster in parts.
func (n *Nix) worthParts(req BuildRequest, drvs []Derivation) bool {
	return len(drvs) >= manyDerivations && req.Brief && n.store == "" && !n.Version.atLeast(35)
}

// buildInParts builds derivations in parts and returns those that it has not tried. It
// ends at the first part in which something fails, and as soon as a build turns out not
// to be brief: that one is interrupted and among those that are returned, so that no
// more than a moment is lost. err is that of the process, if something failed.
func (n *Nix) buildInParts(ctx context.Context, w *watcher, req BuildRequest, drvs []Derivation) (rest []Derivation, err error) {
	places := req.Jobs
	if places == 0 {
		places = runtime.GOMAXPROCS(0)
	}
	parts := slices.Collect(slices.Chunk(drvs, max(smallestPart, perPlace*places)))
	request, err := json.Marshal(asked(parts))
	if err != nil {
		return drvs, err
	}
	dir, err := momentaryFiles(map[string]string{"parts.nix": partsNix, "request.json": string(request)})
	if err != nil {
		return drvs, nil // there may be room for a build
	}
	defer os.RemoveAll(dir)

	patient, interrupt := context.WithCancel(ctx)
	defer interrupt()
	w.beginParts(parts, time.AfterFunc(Moment, interrupt), func() bool { return patient.Err() != nil })
	err = n.logged(patient, w, req, "eval", "--impure", "--file", filepath.Join(dir, "parts.nix"), "--argstr", "request", filepath.Join(dir, "request.json"), "built")
	begun := w.endParts()
	failed := err != nil && len(w.failures) > 0 && patient.Err() == nil
	switch {
	case err == nil && begun == len(parts):
		return nil, nil
	case failed:
		drvs = slices.Concat(parts[begun:]...)
	default: // it was interrupted, or this Nix would not do it
		w.errors, err = nil, nil
	}
	return slices.DeleteFunc(slices.Clone(drvs), func(d Derivation) bool { return w.failures[d.DrvPath].drvPath != "" }), err
}

// partOf is what parts.nix is told of a derivation.
type partOf struct {
	DrvPath string   `json:"drvPath"`
	Outputs []string `json:"outputs"`
}

func asked(parts [][]Derivation) [][]partOf {
	all := make([][]partOf, len(parts))
	for i, part := range parts {
		for _, d := range part {
			all[i] = append(all[i], partOf{d.DrvPath, slices.Sorted(maps.Keys(d.Outputs))})
		}
	}
	return all
}

// partsProgress is how far a build in parts has come.
type partsProgress struct {
	waiting []int // the sizes of the parts that have not begun
	begun   int
	// late interrupts the build if it is not reset; nil if nothing is built in parts.
	late *time.Timer
	// interrupted reports whether it has done so.
	interrupted func() bool
}

func (p *partsProgress) running() bool { return p.late != nil }

// next is called when Nix begins with a part.
func (p *partsProgress) next() {
	if len(p.waiting) > 0 {
		p.waiting = p.waiting[1:]
		p.begun++
	}
}

// waits is how many derivations are in parts that have not begun.
func (p *partsProgress) waits() (sum int) {
	for _, n := range p.waiting {
		sum += n
	}
	return sum
}

func (w *watcher) beginParts(parts [][]Derivation, late *time.Timer, interrupted func() bool) {
	w.parts = partsProgress{late: late, interrupted: interrupted}
	w.hurry()
	for _, part := range parts {
		w.parts.waiting = append(w.parts.waiting, len(part))
	}
}

// endParts says that a build in parts is over, and returns how many of them have begun.
func (w *watcher) endParts() int {
	w.parts.late.Stop()
	begun := w.parts.begun
	w.parts = partsProgress{}
	for _, b := range w.running {
		delete(w.begun, b.DrvPath)
		if w.report != nil {
			w.report(BuildInterrupted(b))
		}
	}
	w.running = nil
	return begun
}

// hurry gives the oldest running build of a part a moment.
func (w *watcher) hurry() {
	if !w.parts.running() {
		return
	}
	w.parts.late.Stop()
	if len(w.running) > 0 {
		w.parts.late.Reset(Moment - time.Since(w.begun[w.running[0].DrvPath]))
	}
}
