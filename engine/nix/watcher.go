package nix

import (
	"bytes"
	"slices"
	"time"
)

// watcher follows the log of one build.
type watcher struct {
	parser *logParser
	line   []byte    // that is not whole yet
	since  time.Time // it watches
	report func(Event)
	// evaluating is handed what Nix says until the derivations are known, and
	// returns true if it is no complaint.
	evaluating func(text string) bool

	outputs map[string]map[string]string // of the wanted derivations
	running []BuildStarted               // in the order they began
	begun   map[string]time.Time
	took    map[string]time.Duration
	// ended is how many builds have ended, of which earlier was counted before Nix began
	// to count anew, and counted since.
	ended            int
	earlier, counted Counted
	parts            partsProgress
	tail             map[string][]string
	failures         map[string]failure
	errors           []string
}

func newWatcher(report func(Event)) *watcher {
	w := &watcher{
		report: report, outputs: map[string]map[string]string{}, begun: map[string]time.Time{}, took: map[string]time.Duration{},
		tail: map[string][]string{}, failures: map[string]failure{},
	}
	w.parser = newLogParser(w.event)
	return w
}

// expect says what is built.
func (w *watcher) expect(drvs []Derivation) {
	for _, d := range drvs {
		w.outputs[d.DrvPath] = d.Outputs
	}
}

func (w *watcher) event(e Event) {
	if w.parts.running() && w.parts.interrupted() {
		return // what ends or fails now was killed
	}
	w.handle(e)
	w.hurry()
}

func (w *watcher) handle(e Event) {
	switch event := e.(type) {
	case BuildStarted:
		w.begun[event.DrvPath] = time.Now()
		delete(w.tail, event.DrvPath)
		w.running = append(w.running, event)
	case recounting:
		w.earlier.Done += w.counted.Done
		w.earlier.Failed += w.counted.Failed
		w.counted = Counted{}
		w.parts.next()
		return
	case Counted:
		w.counted = event
		for ; w.ended < w.earlier.Done+w.earlier.Failed+event.Done+event.Failed && len(w.running) > 0; w.ended++ {
			w.finish(w.likeliest())
		}
		event.Done += w.earlier.Done
		event.Failed += w.earlier.Failed
		event.Expected += w.earlier.Done + w.earlier.Failed + w.parts.waits()
		e = event
	case BuildFinished:
		w.finish(slices.Index(w.running, BuildStarted(event)))
		return
	case LogLine:
		lines := w.tail[event.DrvPath]
		lines = append(lines, event.Text)
		if len(lines) > 2*logTail {
			lines = append(lines[:0], lines[len(lines)-logTail:]...)
		}
		w.tail[event.DrvPath] = lines
	case Message:
		if w.evaluating != nil {
			if !w.evaluating(event.Text) && event.Level == 0 && len(w.errors) < logTail {
				w.errors = append(w.errors, event.Text)
			}
			return
		}
		if f, ok := parseFailure(event.Text); ok {
			if _, known := w.failures[f.drvPath]; !known || f.hash != nil {
				w.failures[f.drvPath] = f
			}
		} else if event.Level == 0 && len(w.errors) < logTail {
			w.errors = append(w.errors, event.Text)
		}
	}
	if w.report != nil {
		w.report(e)
	}
}

// likeliest is the running build that has ended: one that has failed, or whose
// outputs are there; or else the oldest of those that nobody asked for.
func (w *watcher) likeliest() int {
	unknown := 0
	for i := len(w.running) - 1; i >= 0; i-- {
		drv := w.running[i].DrvPath
		if _, failed := w.failures[drv]; failed {
			return i
		}
		if w.outputs[drv] == nil {
			unknown = i
			continue
		}
		if registered(w.outputs[drv]) {
			return i
		}
	}
	return unknown
}

// finish notes that a running build has ended.
func (w *watcher) finish(i int) {
	if i < 0 {
		return
	}
	b := w.running[i]
	w.running = slices.Delete(w.running, i, i+1)
	w.took[b.DrvPath] = time.Since(w.begun[b.DrvPath])
	if w.report != nil {
		w.report(BuildFinished(b))
	}
}

// failed reports whether a derivation was begun or is known to have failed;
// asked of one that is not there, that means that it failed.
func (w *watcher) failed(drvPath string) bool {
	_, failed := w.failures[drvPath]
	_, begun := w.begun[drvPath]
	return failed || begun
}

const (
	// longestLogLine bounds one line of a builder; a longer one is cut into pieces.
	longestLogLine = 1 << 20
	// Nix says a dozen things of each build. Once it has been at work for lively, what
	// it says is looked at every pause: to be woken for each line, on a machine that is busy
	// building, would cost both more than the line is worth.
	lively, pause = 500 * time.Millisecond, 10 * time.Millisecond
	// plenty is so much at once that more is waiting.
	plenty = 16 << 10
)

// Write reads a piece of the log.
func (w *watcher) Write(p []byte) (int, error) {
	n := len(p)
	for {
		line, rest, whole := bytes.Cut(p, []byte("\n"))
		if room := longestLogLine - len(w.line); len(line) > room {
			line, rest, whole = p[:room], p[room:], true
		}
		w.line = append(w.line, line...)
		if !whole {
			break
		}
		w.endLine()
		p = rest
	}
	if n < plenty && time.Since(w.since) > lively {
		time.Sleep(pause)
	}
	return n, nil
}

func (w *watcher) endLine() {
	w.parser.line(bytes.TrimSuffix(w.line, []byte("\r")))
	w.line = w.line[:0]
}

// begin is called before a process begins to write to the log.
func (w *watcher) begin() {
	w.since = time.Now()
	clear(w.parser.builds)
}

// end is called when the log has ended.
func (w *watcher) end() {
	if len(w.line) > 0 {
		w.endLine()
	}
	for drv, lines := range w.tail {
		if len(lines) > logTail {
			w.tail[drv] = lines[len(lines)-logTail:]
		}
	}
}
