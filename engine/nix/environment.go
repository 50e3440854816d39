package nix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// EnvironmentRequest asks for the environment of a build.
type EnvironmentRequest struct {
	// ProjectDir and Overrides are those of [EvalRequest].
	ProjectDir string
	Overrides  map[string]string
	// Attr is the attribute of packages.<system> whose build is meant. If it is
	// empty, a build is made up that uses Targets, Packages of nixpkgs, and what
	// the attributes in All use, but for those themselves.
	Attr                   string
	All, Targets, Packages []string
}

type environmentArgs struct {
	Attr     string   `json:"attr"`
	All      []string `json:"all"`
	Targets  []string `json:"targets"`
	Packages []string `json:"packages"`
}

// EvaluateEnvironment returns a derivation whose output [ReadEnvironment] reads.
// An attribute that cannot be evaluated is an [EvalError].
func (n *Nix) EvaluateEnvironment(ctx context.Context, req EnvironmentRequest) (Derivation, error) {
	e, done, err := n.newEvaluation("environment", EvalRequest{ProjectDir: req.ProjectDir, Overrides: req.Overrides})
	if err != nil {
		return Derivation{}, err
	}
	defer done()
	list := func(names []string) []string { return append([]string{}, names...) } // never null
	e.args.Environment = &environmentArgs{req.Attr, list(req.All), list(req.Targets), list(req.Packages)}
	results, err := e.run(ctx, []string{"environment"}, false)
	if err != nil {
		return Derivation{}, err
	}
	var r evaluated
	if err := json.Unmarshal(results[0], &r); err != nil {
		return Derivation{}, fmt.Errorf("reading the answer of nix eval: %w", err)
	}
	return Derivation{Attr: "environment", DrvPath: r.DrvPath, Outputs: r.Outputs, Bin: r.Bin}, nil
}

// ReadEnvironment reads the variables that a build saw, in the order they
// were written.
func ReadEnvironment(file string) ([][2]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out [][2]string
	for entry := range bytes.SplitSeq(data, []byte{0}) {
		if len(entry) == 0 {
			continue
		}
		name, value, ok := bytes.Cut(entry, []byte{'='})
		if !ok {
			return nil, errors.New(file + " is not an environment")
		}
		out = append(out, [2]string{string(name), string(value)})
	}
	return out, nil
}
