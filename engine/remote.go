package engine

import (
	"context"
	"strings"

	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/diagnostic"
	"github.com/rigx-build/rigx/engine/nix"
)

// useRemote takes the settings of the [remotes.<name>] that the user named; what
// was given on the command line wins.
func (w *Workspace) useRemote(name string) error {
	if name == "" {
		return nil
	}
	names := make([]string, len(w.Manifest.Remotes))
	for i, r := range w.Manifest.Remotes {
		names[i] = r.Name.Value
		if r.Name.Value != name {
			continue
		}
		o := &w.opts.Nix
		if o.Store == "" {
			o.Store = r.Store.Value
		}
		if o.Builders == "" {
			o.Builders = joined(r.Builders, "\n")
		}
		if o.Substituters == "" {
			o.Substituters = joined(r.Substituters, " ")
		}
		return nil
	}
	e := &Error{Code: diagnostic.UnknownRemote, Message: "there is no remote `" + name + "` in rigx.toml"}
	if near := diagnostic.Closest(name, names); near != "" {
		e.Help = []string{"did you mean `" + near + "`?"}
	} else if len(names) > 0 {
		e.Help = []string{"there is: " + strings.Join(names, ", ")}
	} else {
		e.Help = []string{"add [remotes." + name + "] with `store = \"ssh-ng://…\"`"}
	}
	return e
}

// storeNamed is the store of the [remotes.<name>] of that name, or else what was
// given, which is a URL then.
func (w *Workspace) storeNamed(name string) string {
	for _, r := range w.Manifest.Remotes {
		if r.Name.Value == name && r.Store.Value != "" {
			return r.Store.Value
		}
	}
	return name
}

func joined(list []manifest.String, separator string) string {
	values := make([]string, len(list))
	for i, s := range list {
		values[i] = s.Value
	}
	return strings.Join(values, separator)
}

// share copies what was built: from a remote store to this machine, and to a
// store or cache that the user named.
func (s *session) share(ctx context.Context, results []Result, opts BuildOptions) {
	copyAll := func(from, to string, trusted bool, what string) {
		for i := range results {
			r := &results[i]
			if r.Err != nil {
				continue
			}
			if err := s.nix.Local().Copy(ctx, from, to, trusted, r.Output); err != nil {
				r.Err = &Error{Code: diagnostic.CopyFailed, Message: "`" + r.Attr + "` is built, but cannot be copied " + what, Err: err}
			}
		}
	}
	store := s.w.opts.Nix.Store
	if opts.Fetch && store != "" {
		// What was built by our own order, over a connection of our own, needs no
		// signature.
		copyAll(store, "", true, "from "+nix.Redacted(store))
		local := *s
		local.nix = s.nix.Local()
		local.link(ctx, results)
	}
	if to := s.w.storeNamed(opts.CopyTo); to != "" {
		// Who may give a store what is not signed is for that store to say.
		copyAll(store, to, true, "to "+nix.Redacted(to))
	}
}
