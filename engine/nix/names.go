package nix

import (
	"context"
	"encoding/json"
	"errors"
)

// PackageInfo is what a package of nixpkgs says of itself.
type PackageInfo struct {
	// Name is the attribute path.
	Name        string `json:"name"`
	Version     string `json:"version,omitempty"`
	Description string `json:"description,omitempty"`
	Homepage    string `json:"homepage,omitempty"`
}

// Names lists the attributes of nixpkgs, or of a set in it such as
// python3Packages. The request's Attrs are not used.
func (n *Nix) Names(ctx context.Context, req EvalRequest, set string) ([]string, error) {
	e, done, err := n.newEvaluation("names", req)
	if err != nil {
		return nil, err
	}
	defer done()
	results, err := e.run(ctx, []string{set}, false)
	if err != nil {
		return nil, err
	}
	var names []string
	return names, json.Unmarshal(results[0], &names)
}

// Describe says what packages say of themselves. One that cannot be evaluated
// has a name and nothing else.
func (n *Nix) Describe(ctx context.Context, req EvalRequest) ([]PackageInfo, error) {
	out := make([]PackageInfo, len(req.Attrs))
	for i, attr := range req.Attrs {
		out[i].Name = attr
	}
	if len(out) == 0 {
		return out, nil
	}
	e, done, err := n.newEvaluation("details", req)
	if err != nil {
		return nil, err
	}
	defer done()
	results, err := e.run(ctx, req.Attrs, true)
	var failed *EvalError
	if errors.As(err, &failed) {
		// What stops the evaluation is found by asking one by one.
		for i, attr := range req.Attrs {
			if one, err := e.run(ctx, []string{attr}, true); err == nil {
				_ = json.Unmarshal(one[0], &out[i])
			}
		}
		return out, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	for i, raw := range results {
		// A package that failed is told as such, which changes nothing here.
		_ = json.Unmarshal(raw, &out[i])
	}
	return out, nil
}
