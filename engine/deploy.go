package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/nix"
)

// Destination is a profile of another machine, which says what is deployed there.
type Destination struct {
	host    nix.Host
	profile string
}

// Destination finds the machine that a URL or the name of a [remotes.<name>]
// means. profile is a name or an absolute path there; if it is empty, it is the
// project's name and the target's.
func (w *Workspace) Destination(to, target, profile string) (*Destination, error) {
	host, err := nix.ParseHost(w.storeNamed(to))
	if err != nil {
		e := &Error{Code: diagnostic.NoHost, Message: "nothing can be deployed to `" + to + "`", Err: err}
		if !strings.Contains(to, "://") {
			e.Help = []string{"did you mean `ssh-ng://" + to + "`?"}
		}
		return nil, e
	}
	if profile == "" {
		selected, err := w.selectOne(target)
		if err != nil {
			return nil, err
		}
		profile = profileName(w.Manifest.Project.Name.Value + "-" + selected.Attr)
	}
	if err := host.CanHave(profile); err != nil {
		return nil, &Error{Code: diagnostic.NoHost, Message: "nothing can be deployed to `" + to + "`", Err: err}
	}
	return &Destination{host, profile}, nil
}

// profileName makes a name that every file system and shell takes.
func profileName(s string) string {
	return strings.TrimLeft(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._+", r) {
			return r
		}
		return '_'
	}, s), "-.")
}

// selectOne selects exactly one thing.
func (w *Workspace) selectOne(name string) (Selected, error) {
	selected, err := w.Select([]string{name})
	if err != nil {
		return Selected{}, err
	}
	if len(selected) > 1 {
		names := make([]string, len(selected))
		for i, s := range selected {
			names[i] = s.Attr
			if s.Unit.Target != nil {
				names[i] = s.Unit.Name()
			}
		}
		return Selected{}, &Error{Code: diagnostic.UnknownTarget, Message: "`" + name + "` is more than one", Help: []string{"name one of: " + strings.Join(names, ", ")}}
	}
	return selected[0], nil
}

// Deployment is what [Workspace.Deploy] did.
type Deployment struct {
	// Built is the target. If it has an error, nothing was deployed.
	Built Result
	// Before and After are the profile; they are the same if it led to the result
	// already.
	Before, After *nix.Profile
}

// Deploy builds a target, copies it with all that it needs, and only then
// switches the profile, in one step. The host is asked before anything is built,
// so that one that refuses costs nothing.
func (w *Workspace) Deploy(ctx context.Context, target string, to *Destination, opts BuildOptions) (*Deployment, error) {
	selected, err := w.selectOne(target)
	if err != nil {
		return nil, err
	}
	before, err := to.Generations(ctx)
	if err != nil {
		return nil, err
	}
	results, err := w.Build(ctx, []Selected{selected}, opts)
	if err != nil {
		return nil, err
	}
	d := &Deployment{Built: results[0], Before: before, After: before}
	if d.Built.Output == "" || leadsTo(before, d.Built.Output) {
		return d, nil
	}
	n, err := nix.Find(ctx, w.opts.Nix)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(w.opts.Notes, "[rigx] copying %s to %s\n", d.Built.Attr, to.host.URL)
	if err := n.Local().Copy(ctx, w.opts.Nix.Store, to.host.URL, true, d.Built.Output); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &Error{
			Code: diagnostic.CopyFailed, Message: "`" + d.Built.Attr + "` is built, but cannot be copied to " + to.host.URL, Err: err,
			Help: []string{before.Path + " is what it was; when you try again, only what is missing there is copied"},
		}
	}
	if d.After, err = to.host.Switch(ctx, to.profile, d.Built.Output); err != nil {
		return nil, to.failed(ctx, err)
	}
	if !leadsTo(d.After, d.Built.Output) {
		return nil, &Error{Code: diagnostic.HostFailed, Message: d.After.Path + " leads elsewhere: someone else switched it at the same time"}
	}
	return d, nil
}

func leadsTo(p *nix.Profile, storePath string) bool {
	now := p.Current()
	return now != nil && now.Path == storePath
}

// RollBack makes the profile lead to what it led to before.
func (d *Destination) RollBack(ctx context.Context) (*nix.Profile, error) {
	p, err := d.host.RollBack(ctx, d.profile)
	return p, d.failed(ctx, err)
}

// Generations lists what was deployed.
func (d *Destination) Generations(ctx context.Context) (*nix.Profile, error) {
	p, err := d.host.Generations(ctx, d.profile)
	return p, d.failed(ctx, err)
}

// String is the destination for people.
func (d *Destination) String() string { return d.profile + " on " + d.host.URL }

func (d *Destination) failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := &Error{Code: diagnostic.HostFailed, Message: d.String(), Err: err}
	switch {
	case errors.Is(err, nix.ErrNoProfile), errors.Is(err, nix.ErrNothingOlder):
		e.Code = diagnostic.NoProfile
	case errors.Is(err, nix.ErrNoNixThere):
		e.Help = []string{"install Nix there; if it is installed, name it: ?remote-program=/path/to/bin/nix-daemon"}
	case errors.Is(err, nix.ErrOccupied), errors.Is(err, nix.ErrNoDirectory):
		e.Help = []string{"choose another --profile"}
	default:
		e.Help = []string{"ssh and Nix there must work: `ssh " + d.host.Login() + " nix-env --version`"}
	}
	return e
}
