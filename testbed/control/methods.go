package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/rigx-build/rigx/capsule"
)

// method answers one kind of request.
type method func(ctx context.Context, c *connection, req request) (any, error)

// methods are all but hello, which creates or joins a session.
var methods map[string]method

func init() {
	methods = map[string]method{
		"bye":                   bye,
		"network.open":          openNetwork,
		"network.close":         onNetwork(closeNetwork),
		"network.declare":       onNetwork(declare),
		"network.link":          onNetwork(link),
		"network.bindings":      onNetwork(bindings),
		"network.address":       onNetwork(address),
		"network.volume":        onNetwork(volume),
		"network.fault":         onNetwork(fault),
		"network.schedule":      onNetwork(schedule),
		"network.partition":     onNetwork(partition),
		"network.clear":         onNetwork(clearFault),
		"network.record":        onNetwork(record),
		"network.stop_record":   onNetwork(stopRecord),
		"network.state":         onNetwork(state),
		"network.events":        onNetwork(events),
		"network.follow":        follow,
		"capsule.start":         startCapsule,
		"capsule.stop":          onCapsule(stopCapsule),
		"capsule.exec":          execInCapsule,
		"capsule.logs":          capsuleLogs,
		"capsule.wait":          onCapsule(waitForCapsule),
		"capsule.wait_for_port": onCapsule(waitForPort),
		"server.networks":       allNetworks,
		"server.fault":          faultAnywhere,
		"server.clear":          clearAnywhere,
		"server.page":           showPage,
		"server.record":         recordAnywhere,
	}
}

// Methods are the names of all requests but hello.
func Methods() []string { return slices.Sorted(maps.Keys(methods)) }

// params decodes the parameters of a request. Names that the method does not
// know are an error: they would be ignored otherwise.
func params[P any](req request) (P, error) {
	var p P
	if len(req.Params) == 0 || bytes.Equal(req.Params, []byte("null")) {
		return p, nil
	}
	d := json.NewDecoder(bytes.NewReader(req.Params))
	d.DisallowUnknownFields()
	err := d.Decode(&p)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return p, invalid("%s: %s is no %s", wrong.Field, wrong.Value, wrong.Type)
	case err != nil:
		return p, invalid("%s: %v", req.Method, err)
	}
	return p, nil
}

// onNetwork makes a method of a function that is about one network.
func onNetwork[P any](f func(*Network, P) (any, error)) method {
	return func(_ context.Context, c *connection, req request) (any, error) {
		n, rest, err := c.networkOf(req)
		if err != nil {
			return nil, err
		}
		p, err := params[P](rest)
		if err != nil {
			return nil, err
		}
		return f(n, p)
	}
}

// onCapsule makes a method of a function that is about one capsule.
func onCapsule[P any](f func(context.Context, *run, P) (any, error)) method {
	return func(ctx context.Context, c *connection, req request) (any, error) {
		r, rest, err := c.capsuleOf(req)
		if err != nil {
			return nil, err
		}
		p, err := params[P](rest)
		if err != nil {
			return nil, err
		}
		return f(ctx, r, p)
	}
}

func (c *connection) networkOf(req request) (*Network, request, error) {
	id, rest, err := take(req, "network")
	if err != nil {
		return nil, req, err
	}
	n, err := c.session.network(id)
	return n, rest, err
}

func (c *connection) capsuleOf(req request) (*run, request, error) {
	id, rest, err := take(req, "capsule")
	if err != nil {
		return nil, req, err
	}
	r, err := c.session.run(id)
	return r, rest, err
}

// take takes the id of what a request is about out of its parameters.
func take(req request, name string) (int64, request, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(req.Params, &all); err != nil {
		return 0, req, invalid("%s: %v", req.Method, err)
	}
	var id int64
	if err := json.Unmarshal(all[name], &id); err != nil {
		return 0, req, invalid("%s needs the number of a %s", req.Method, name)
	}
	delete(all, name)
	rest, err := json.Marshal(all)
	req.Params = rest
	return id, req, err
}

// bye ends the session at once; the answer says that nothing of it is left.
func bye(_ context.Context, c *connection, _ request) (any, error) {
	return nil, c.session.close()
}

// errorOf chooses the code of an error.
func errorOf(err error) *Error {
	var (
		own       *Error
		ofCapsule *capsule.Error
		path      *fs.PathError
		errno     syscall.Errno
	)
	e := &Error{CodeFailed, err.Error()}
	switch {
	case errors.As(err, &own):
		e.Code = own.Code
	case errors.As(err, &ofCapsule):
		switch ofCapsule.Reason {
		case capsule.Invalid:
			e.Code = CodeValue
		case capsule.Timeout:
			e.Code = CodeTimeout
		case capsule.Unsupported:
			e.Code = CodeUnsupported
		default:
			e.Code = string(ofCapsule.Reason)
		}
	case errors.Is(err, context.DeadlineExceeded):
		e.Code = CodeTimeout
	case errors.As(err, &path), errors.As(err, &errno), errors.Is(err, os.ErrClosed):
	case errors.Is(err, context.Canceled):
		e.Message = "the session was ended"
	}
	return e
}

// seconds is a time that a client gives.
type seconds float64

// duration converts, if the time can be.
func (s seconds) duration(name string) (time.Duration, error) {
	const most = 1e9 // some 31 years
	if math.IsNaN(float64(s)) || s < 0 || s > most {
		return 0, invalid("%s = %v: seconds from 0 to %v", name, float64(s), float64(most))
	}
	return time.Duration(float64(s) * float64(time.Second)), nil
}

// within returns a context that ends after a time, if one is given.
func within(ctx context.Context, timeout *seconds) (context.Context, context.CancelFunc, error) {
	if timeout == nil {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	}
	d, err := timeout.duration("timeout")
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	return ctx, cancel, nil
}

// asValue marks the complaints of package testbed about what it was given,
// which carry no cause in the system, as the client's mistake.
func asValue(err error) error {
	var (
		path  *fs.PathError
		errno syscall.Errno
		own   *Error
	)
	if err == nil || errors.As(err, &own) || errors.As(err, &path) || errors.As(err, &errno) {
		return err
	}
	return &Error{CodeValue, fmt.Sprint(err)}
}
