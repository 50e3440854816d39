package nix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
)

// InstallableRequest is something that Nix itself knows how to build.
type InstallableRequest struct {
	// Ref is a flake reference with an attribute, or a store path.
	Ref string
	// Inputs are what the names in Ref stand for; without a lock there are none.
	Inputs Skeleton
	// Overrides maps such names to directories or references.
	Overrides map[string]string
}

// BuildInstallable builds one and returns its store paths by output name.
func (n *Nix) BuildInstallable(ctx context.Context, req InstallableRequest) (map[string]string, error) {
	var out, errOut bytes.Buffer
	if strings.HasPrefix(req.Ref, "/nix/store/") && !strings.Contains(req.Ref, ".drv") {
		path, _, _ := strings.Cut(req.Ref, "^")
		if err := n.storeCommand(ctx, &out, "--realise", path); err != nil {
			return nil, err
		}
		return map[string]string{"out": path}, nil
	}
	args := []string{"build", "--json", "--no-link", "--impure"}
	name, attr, named := strings.Cut(req.Ref, "#")
	instead := req.Overrides[name]
	if len(req.Inputs.Lock) > 0 && instead == "" {
		dir, err := req.Inputs.write()
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		args = append(args, "--inputs-from", directoryRef(dir))
	}
	if n.store != "" {
		args = append(args, "--store", n.store)
	}
	ref := req.Ref
	if named && instead != "" {
		// Not as an override of the registry: Nix would look for that first.
		if strings.HasPrefix(instead, "/") {
			instead = directoryRef(instead)
		}
		ref = instead + "#" + attr
	}
	if strings.HasSuffix(ref, ".drv") {
		ref = n.Version.installable(ref)
	}
	if err := n.run(ctx, &out, &errOut, append(args, ref)...); err != nil {
		return nil, errors.New(cleanMessage(errOut.String()))
	}
	var built []struct {
		Outputs map[string]string `json:"outputs"`
	}
	if err := json.Unmarshal(out.Bytes(), &built); err != nil {
		return nil, err
	}
	outputs := map[string]string{}
	for _, b := range built {
		for name, path := range b.Outputs {
			outputs[name] = path
		}
	}
	return outputs, nil
}
