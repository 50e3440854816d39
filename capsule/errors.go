package capsule

import (
	"errors"
	"fmt"
	"strings"
)

// Reason is what kind of failure an [Error] is.
type Reason string

// The reasons.
const (
	NotBuilt    Reason = "not-built"   // there is no manifest.json
	Invalid     Reason = "invalid"     // an option, or the manifest, makes no sense
	NoEngine    Reason = "no-engine"   // neither docker nor podman answers
	PortTaken   Reason = "port-taken"  // a published address is in use
	NameTaken   Reason = "name-taken"  // something of that name runs already
	Died        Reason = "died"        // the capsule ended before it was ready
	Failed      Reason = "failed"      // the runner, or the engine, reports a failure
	Unsupported Reason = "unsupported" // this kind of capsule, or this system, cannot do that
	NotFound    Reason = "not-found"   // no such capsule runs
	Timeout     Reason = "timeout"     // it did not happen in time
)

// Error is a failure with a remedy.
type Error struct {
	Reason  Reason
	Message string
	// Help says what to do, one line each.
	Help []string
	// Log are the last lines that the capsule wrote, if it died.
	Log []string
	// Status is the exit status of what died, -1 if it is not known.
	Status int
	Err    error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if len(e.Log) > 0 {
		b.WriteString("; its last lines:\n    " + strings.Join(e.Log, "\n    "))
	}
	if len(e.Help) > 0 {
		b.WriteString(" (" + strings.Join(e.Help, "; ") + ")")
	}
	return b.String()
}

// reasonOf is the reason of an [Error], "" for others.
func reasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

func (e *Error) Unwrap() error { return e.Err }

func failure(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func (e *Error) help(format string, args ...any) *Error {
	e.Help = append(e.Help, fmt.Sprintf(format, args...))
	return e
}
