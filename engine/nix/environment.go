package nix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strconv"
)

// EnvironmentRequest asks for the environment of a build.
type EnvironmentRequest struct {
	// Attr is the attribute of packages.<system> whose build is meant. If it is
	// empty, a build is made up that uses Targets, Packages of nixpkgs, and what
	// the attributes in All use, but for those themselves.
	Attr     string `json:"attr"`
	All      Names  `json:"all"`
	Targets  Names  `json:"targets"`
	Packages Names  `json:"packages"`
}

// Names is a list of attributes, which is [] in JSON when it is nil.
type Names []string

// MarshalJSON implements [json.Marshaler].
func (n Names) MarshalJSON() ([]byte, error) { return json.Marshal(append([]string{}, n...)) }

// EvaluateEnvironments returns a derivation for each request, in order, whose
// output [ReadEnvironment] reads. One that cannot be evaluated carries its own
// error. Of the first argument, Attrs are not used.
func (n *Nix) EvaluateEnvironments(ctx context.Context, in EvalRequest, requests []EnvironmentRequest) ([]Derivation, error) {
	e, done, err := n.newEvaluation("environment", in)
	if err != nil {
		return nil, err
	}
	defer done()
	e.args.Environments = requests
	numbers := make([]string, len(requests))
	for i := range numbers {
		numbers[i] = strconv.Itoa(i)
	}
	out := make([]Derivation, len(requests))
	err = e.fill(ctx, numbers, out)
	return out, err
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
