package nix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Event is something that happens while Nix works: one of [BuildStarted],
// [BuildFinished], [BuildInterrupted], [Counted], [LogLine], [FetchStarted],
// [Message].
type Event any

// BuildStarted says that a derivation is being built.
type BuildStarted struct{ DrvPath, Name string }

// BuildFinished says that a derivation is no longer being built. Whether that
// went well, the results tell.
type BuildFinished struct{ DrvPath, Name string }

// BuildInterrupted says that a derivation is no longer being built, for the moment.
type BuildInterrupted struct{ DrvPath, Name string }

// LogLine is a line that a builder printed.
type LogLine struct{ DrvPath, Name, Text string }

// FetchStarted says that something is being downloaded or copied.
type FetchStarted struct{ What string }

// Message is what Nix itself has to say, without colours. Level 0 is an error.
type Message struct {
	Level int
	Text  string
}

// The numbers of Nix's internal-json log. They are the same in Nix and Lix.
const (
	activityCopyPath    = 100
	activityFetch       = 101
	activityBuilds      = 104
	activityBuild       = 105
	activitySubstitute  = 108
	resultBuildLogLine  = 101
	resultProgress      = 105
	resultExpected      = 106
	resultPostBuildLine = 107
)

// logParser turns the lines of Nix's structured log into events. It is never
// confused for long: what it does not understand it ignores.
type logParser struct {
	emit   func(Event)
	builds map[uint64]BuildStarted
	all    uint64 // the activity that counts all builds
	allEnd []byte // of what counts them, before its type
}

// Counted says how many builds there are. Nix reports the end of each single
// one only when all are done.
type Counted struct{ Done, Expected, Running, Failed int }

// recounting says that Nix begins to count anew.
type recounting struct{}

func newLogParser(emit func(Event)) *logParser {
	return &logParser{emit: emit, builds: map[uint64]BuildStarted{}}
}

type logEntry struct {
	Action string            `json:"action"`
	ID     uint64            `json:"id"`
	Type   int               `json:"type"`
	Level  int               `json:"level"`
	Text   string            `json:"text"`
	Msg    string            `json:"msg"`
	RawMsg string            `json:"raw_msg"`
	Fields []json.RawMessage `json:"fields"`
}

var logPrefix = []byte("@nix ")

func (p *logParser) line(line []byte) {
	data, ok := bytes.CutPrefix(line, logPrefix)
	if !ok {
		if text := strings.TrimSpace(plain(string(line))); text != "" {
			p.emit(Message{Level: 3, Text: text})
		}
		return
	}
	var e logEntry
	if p.needless(data) || json.Unmarshal(data, &e) != nil {
		return
	}
	switch e.Action {
	case "start":
		p.start(e)
	case "stop":
		if b, ok := p.builds[e.ID]; ok {
			delete(p.builds, e.ID)
			p.emit(BuildFinished(b))
		}
	case "result":
		switch {
		case e.Type == resultBuildLogLine || e.Type == resultPostBuildLine:
			b := p.builds[e.ID]
			p.emit(LogLine{b.DrvPath, b.Name, e.field(0)})
		case e.Type == resultProgress && e.ID == p.all:
			p.emit(Counted{e.number(0), e.number(1), e.number(2), e.number(3)})
		}
	case "msg":
		text := e.Msg
		if text == "" {
			text = e.RawMsg
		}
		p.emit(Message{e.Level, plain(text)})
	}
}

// needless tells from the end of a line whether it counts something that is of no
// interest here: ten of the dozen lines of each build do.
func (p *logParser) needless(data []byte) bool {
	if !bytes.HasPrefix(data, resultStart) { // the numbers of activities are others
		return false
	}
	if bytes.HasSuffix(data, expectedEnd) {
		return true
	}
	head, ok := bytes.CutSuffix(data, progressEnd)
	return ok && !bytes.HasSuffix(head, p.allEnd)
}

// Keys come in the order of the alphabet, so that a line begins and ends with these.
var (
	resultStart              = []byte(`{"action":"result",`)
	expectedEnd, progressEnd = lineEnd(resultExpected), lineEnd(resultProgress)
)

func lineEnd(kind int) []byte { return fmt.Appendf(nil, `,"type":%d}`, kind) }

func (p *logParser) start(e logEntry) {
	switch e.Type {
	case activityBuilds:
		if len(p.builds) > 0 {
			return // another machine's, which builds one of them
		}
		p.all, p.allEnd = e.ID, fmt.Appendf(nil, `"id":%d`, e.ID)
		p.emit(recounting{})
	case activityBuild:
		b := BuildStarted{DrvPath: e.field(0)}
		b.Name = DerivationName(b.DrvPath)
		p.builds[e.ID] = b
		p.emit(b)
	case activitySubstitute, activityCopyPath, activityFetch:
		if what := e.field(0); what != "" {
			p.emit(FetchStarted{what})
		}
	}
}

// number returns a field of the entry if it is a number.
func (e logEntry) number(i int) (n int) {
	if i < len(e.Fields) {
		_ = json.Unmarshal(e.Fields[i], &n)
	}
	return n
}

// field returns a field of the entry if it is a string.
func (e logEntry) field(i int) string {
	if i >= len(e.Fields) {
		return ""
	}
	var s string
	if json.Unmarshal(e.Fields[i], &s) != nil {
		return ""
	}
	return s
}

// DerivationName is "hello-1.0" for /nix/store/<hash>-hello-1.0.drv.
func DerivationName(drvPath string) string {
	name := strings.TrimSuffix(path.Base(drvPath), ".drv")
	if len(name) > 33 && name[32] == '-' {
		return name[33:]
	}
	return name
}

// HashMismatch is a fixed-output derivation that gave something else.
type HashMismatch struct{ Specified, Got string }

// failure is what a message says of one derivation.
type failure struct {
	drvPath string
	status  int
	hash    *HashMismatch
	// system that the derivation is for, if this machine is not one.
	system string
	// reason is the first line, without the name of the derivation.
	reason string
}

var (
	// Nix up to 2.2x: builder for '…drv' failed with exit code 1
	// newer: Cannot build '…drv'. Reason: builder failed with exit code 1.
	builderFailed = lazily(`(?:builder for|[Cc]annot build) '([^']+\.drv)'\.?(?:\s+Reason:)?(?:\s+builder)? (failed .*)`)
	exitCode      = lazily(`exit code (\d+)`)
	hashMismatch  = lazily(`hash mismatch in fixed-output derivation '([^']+\.drv)'`)
	hashLine      = lazily(`(?m)^\s*(specified|got):\s+(\S+)`)
	// Nix up to 2.2x: a 'aarch64-linux' with features {} is required to build '…drv', but I am a 'x86_64-linux' …
	// newer: Cannot build '…drv'. Reason: platform mismatch Required system: 'aarch64-linux' Current system: …
	wrongSystem = lazily(`(?s)a '([^']+)' with features .* is required to build '([^']+\.drv)', but I am a '([^']+)'` +
		`|[Cc]annot build '([^']+\.drv)'.*Required system: '([^']+)'.*Current system: '([^']+)'`)
)

// parseFailure reads an error message of Nix.
func parseFailure(text string) (failure, bool) {
	if m := hashMismatch().FindStringSubmatch(text); m != nil {
		f := failure{drvPath: m[1], status: 102, hash: &HashMismatch{}, reason: "the content does not have the hash that was given"}
		for _, line := range hashLine().FindAllStringSubmatch(text, -1) {
			if line[1] == "got" {
				f.hash.Got = line[2]
			} else {
				f.hash.Specified = line[2]
			}
		}
		return f, true
	}
	if m := wrongSystem().FindStringSubmatch(text); m != nil {
		system, drv, here := m[1]+m[5], m[2]+m[4], m[3]+m[6]
		return failure{
			drvPath: drv, status: 1, system: system,
			reason: "it can be built on " + system + " only, and this machine is " + here,
		}, true
	}
	m := builderFailed().FindStringSubmatch(text)
	if m == nil {
		return failure{}, false
	}
	f := failure{drvPath: m[1], status: 1, reason: strings.TrimRight(strings.SplitN(m[2], "\n", 2)[0], ".;:")}
	if code := exitCode().FindStringSubmatch(f.reason); code != nil {
		f.status, _ = strconv.Atoi(code[1])
	}
	return f, true
}

// lazily compiles a pattern when it is first used: most runs need none.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
