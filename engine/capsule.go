package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rigx-build/rigx/capsule"
	"github.com/rigx-build/rigx/engine/history"
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

// CapsuleUnit returns the capsule of that name: a target, or target@variant. A
// target with variants stands for the alphabetically first.
func (w *Workspace) CapsuleUnit(name string) (manifest.Unit, error) {
	base, variant, hasVariant := strings.Cut(name, "@")
	t := w.Manifest.Target(base)
	if t == nil {
		return manifest.Unit{}, unknownTarget(base, w.Manifest)
	}
	if t.Kind != schema.Capsule {
		e := failure(diagnostic.NotBuildable, "`%s` is of the kind %s, not a capsule", base, t.Kind)
		if names := w.capsuleNames(); len(names) > 0 {
			e.Help = []string{"the capsules are " + strings.Join(names, ", ")}
		}
		return manifest.Unit{}, e
	}
	u := t.First()
	if hasVariant {
		if u.Variant = t.Variant(variant); u.Variant == nil {
			return u, unknownVariant(t, variant)
		}
	}
	return u, nil
}

func (w *Workspace) capsuleNames() []string {
	var names []string
	for _, t := range w.Manifest.Targets {
		if t.Kind == schema.Capsule {
			names = append(names, t.Name)
		}
	}
	return names
}

// StartCapsule starts a capsule that was built to output/. Without a name in
// the options it gets one that only this project has, so that it is started
// once. Without published ports, each of its ports is published on 127.0.0.1
// with its own number.
func (w *Workspace) StartCapsule(ctx context.Context, u manifest.Unit, opts capsule.Options) (*capsule.Capsule, error) {
	im, err := capsule.Open(filepath.Join(w.Dir(), OutputDir, u.OutputName()))
	if err != nil {
		return nil, CapsuleError(err)
	}
	opts.ProjectRoot = w.Dir()
	if opts.Name == "" {
		opts.Name = w.containerName(u)
	}
	if opts.Publish == nil && opts.PublishUDP == nil {
		opts.Publish, opts.PublishUDP = onLoopback(im.Manifest.Ports), onLoopback(im.Manifest.UDPPorts)
	}
	c, err := im.Start(ctx, opts)
	if err != nil {
		return nil, CapsuleError(err)
	}
	if s, err := c.State(ctx); err == nil && s.Running {
		w.note(func(running []history.Capsule) []history.Capsule {
			return append(running, history.Capsule{Target: u.Name(), Name: c.Name, PID: s.PID, Start: s.Start})
		})
	}
	return c, nil
}

// containerName is the same for each start of a capsule in this project, and
// another one in others.
func (w *Workspace) containerName(u manifest.Unit) string {
	id := sha256.Sum256([]byte(w.Dir() + "\x00" + u.Name()))
	slug := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '-'
	}, u.Name()), "-_")
	if slug == "" {
		slug = "capsule"
	}
	return slug[:min(len(slug), 60)] + "-" + hex.EncodeToString(id[:3])
}

func onLoopback(ports []uint16) map[uint16][]netip.AddrPort {
	out := map[uint16][]netip.AddrPort{}
	for _, p := range ports {
		out[p] = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), p)}
	}
	return out
}

// Capsules are those of this project that were started and not stopped, by
// whomever. Their targets are named as one types them.
func (w *Workspace) Capsules(ctx context.Context) ([]capsule.Status, error) {
	all, err := capsule.List(ctx)
	if err != nil {
		return nil, CapsuleError(err)
	}
	own := slices.DeleteFunc(all, func(s capsule.Status) bool { return filepath.Clean(s.Project) != w.Dir() })
	names := map[string]string{} // by what images call their targets
	for _, t := range w.Manifest.Targets {
		for _, u := range t.Units() {
			names[u.Attr()] = u.Name()
		}
	}
	for i, s := range own {
		if name := names[s.Target]; name != "" {
			own[i].Target = name
		}
	}
	w.noteRunning(own)
	return own, nil
}

// CapsuleStopped is to be called when a capsule was stopped, so that editors
// know.
func (w *Workspace) CapsuleStopped(name string) {
	w.note(func(running []history.Capsule) []history.Capsule {
		return slices.DeleteFunc(running, func(c history.Capsule) bool { return c.Name == name })
	})
}

// note changes which capsules are known to run; those that have ended are
// dropped.
func (w *Workspace) note(change func([]history.Capsule) []history.Capsule) {
	_ = history.Update(w.historyFile(), func(h *history.History) {
		h.Project = w.Dir()
		h.Capsules = slices.DeleteFunc(change(h.Capsules), func(c history.Capsule) bool { return !capsule.Alive(c.PID, c.Start) })
	})
}

func (w *Workspace) noteRunning(own []capsule.Status) {
	var running []history.Capsule
	for _, s := range own {
		if s.Running {
			running = append(running, history.Capsule{Target: s.Target, Name: s.Name, PID: s.PID, Start: s.Start})
		}
	}
	if !slices.Equal(history.Read(w.historyFile()).Capsules, running) {
		w.note(func([]history.Capsule) []history.Capsule { return running })
	}
}

// CapsuleError gives an error of package capsule its code.
func CapsuleError(err error) error {
	var e *capsule.Error
	if !errors.As(err, &e) {
		return err
	}
	codes := map[capsule.Reason]diagnostic.Code{
		capsule.NotBuilt: diagnostic.CapsuleNotBuilt, capsule.NoEngine: diagnostic.EngineMissing,
		capsule.PortTaken: diagnostic.Taken, capsule.NameTaken: diagnostic.Taken,
		capsule.Died: diagnostic.CapsuleFailed, capsule.Failed: diagnostic.CapsuleFailed, capsule.Timeout: diagnostic.CapsuleFailed,
		capsule.Unsupported: diagnostic.CapsuleCannot, capsule.Invalid: diagnostic.CapsuleCannot, capsule.NotFound: diagnostic.CapsuleUnknown,
	}
	return &Error{Code: codes[e.Reason], Message: e.Message, Help: e.Help, Log: e.Log, Err: e.Err}
}
