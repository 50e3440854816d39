package nix

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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
	// A part has several derivations for each place, and not fewer than smallestPart.
	perPlace, smallestPart = 16, 64
	// Moment is how long a build may take to count as brief. Where one takes longer, the
	// places that it leaves empty would cost more than all that is saved.
	Moment = 2 * time.Second
)

// inParts splits derivations into parts, or returns nil if it is better to build them at
// once. Lix, whose versions count on from 2.90, gets them at once.
func (n *Nix) inParts(ctx context.Context, req BuildRequest, drvs []Derivation) [][]Derivation {
	if req.Brief == nil || !req.KeepGoing || n.store != "" || n.Version.atLeast(35) || len(drvs) < 2*smallestPart || !req.Brief() {
		return nil
	}
	places := n.places(ctx, req.Jobs)
	size := max(smallestPart, perPlace*places)
	if places == 0 || len(drvs) < 2*size {
		return nil
	}
	return slices.Collect(slices.Chunk(drvs, size))
}

// places is how many derivations this machine builds at once, 0 if that is not known or
// other machines build some.
func (n *Nix) places(ctx context.Context, jobs int) int {
	settings, err := n.Settings(ctx)
	if err != nil || !noBuilders(settings["builders"]) {
		return 0
	}
	if jobs == 0 {
		jobs, _ = strconv.Atoi(settings["max-jobs"])
	}
	return min(max(jobs, 0), mostPlaces)
}

// mostPlaces is more than there are anywhere.
const mostPlaces = 1 << 16

// noBuilders reports whether the setting of that name says that no other machine builds. It
// names a file that need not be there, unless somebody changed it.
func noBuilders(setting string) bool {
	if file, ok := strings.CutPrefix(setting, "@"); ok {
		text, err := os.ReadFile(file)
		return errors.Is(err, fs.ErrNotExist) || len(bytes.TrimSpace(text)) == 0
	}
	return strings.TrimSpace(setting) == ""
}

// buildInParts builds derivations in parts and returns what is left to do. It ends at the
// first part in which something fails, and as soon as a build turns out not to be brief or
// nothing happens for as long: what was running then is among the rest, and has lost no
// more than a moment. What failed, and what needs that, is not. err is that of the
// process, if something failed.
func (n *Nix) buildInParts(ctx context.Context, w *watcher, req BuildRequest, parts [][]Derivation) (rest []Derivation, err error) {
	drvs := slices.Concat(parts...)
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
	w.endParts()
	w.errors = nil // what they are about is built again
	rest = slices.DeleteFunc(drvs, func(d Derivation) bool { return registered(d.Outputs) })
	if len(w.failures) == 0 {
		return rest, nil
	}
	hopeless, ended := n.needing(ctx, slices.Collect(maps.Keys(w.failures))), patient.Err() == nil
	return slices.DeleteFunc(rest, func(d Derivation) bool {
		return hopeless[d.DrvPath] || ended && w.failed(d.DrvPath)
	}), err
}

// needing are the derivations in the store that need some others, and those themselves.
func (n *Nix) needing(ctx context.Context, drvPaths []string) map[string]bool {
	all := map[string]bool{}
	for chunk := range slices.Chunk(drvPaths, pathsAtOnce) {
		var out bytes.Buffer
		if n.storeCommand(ctx, &out, append([]string{"--query", "--referrers-closure"}, chunk...)...) != nil {
			continue // they are tried again
		}
		for _, path := range strings.Fields(out.String()) {
			all[path] = true
		}
	}
	return all
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
	// late interrupts the build if it is not reset; nil if nothing is built in parts.
	late *time.Timer
	// interrupted reports whether it has done so, or somebody else.
	interrupted func() bool
}

func (p *partsProgress) running() bool { return p.late != nil }

// next is called when Nix begins with a part.
func (p *partsProgress) next() {
	if len(p.waiting) > 0 {
		p.waiting = p.waiting[1:]
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
	for _, part := range parts {
		w.parts.waiting = append(w.parts.waiting, len(part))
	}
}

// endParts says that a build in parts is over. What runs by its account was interrupted,
// unless it ended in that moment.
func (w *watcher) endParts() {
	w.parts.late.Stop()
	w.parts = partsProgress{}
	for i := len(w.running) - 1; i >= 0; i-- {
		if registered(w.outputs[w.running[i].DrvPath]) {
			w.finish(i)
		}
	}
	for _, b := range w.running {
		delete(w.begun, b.DrvPath)
		if w.report != nil {
			w.report(BuildInterrupted(b))
		}
	}
	w.running = nil
}

// hurry is called after each event: it gives the oldest running build a moment, and Nix
// another one to begin with something if none is running. It may wait for what somebody
// else builds, or for a download, while there is other work.
func (w *watcher) hurry() {
	if !w.parts.running() {
		return
	}
	left := Moment
	if len(w.running) > 0 {
		left -= time.Since(w.begun[w.running[0].DrvPath])
	}
	w.parts.late.Reset(left)
}
