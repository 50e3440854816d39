package nix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Settings returns Nix's configuration as it holds here, as text by name.
func (n *Nix) Settings(ctx context.Context) (map[string]string, error) {
	var out, errOut bytes.Buffer
	command := []string{"show-config", "--json"}
	if n.Version.atLeast(20) && n.Version.Flavor != "Lix" {
		command = []string{"config", "show", "--json"}
	}
	if err := n.run(ctx, &out, &errOut, command...); err != nil {
		return nil, errors.New(cleanMessage(errOut.String()))
	}
	var all map[string]struct {
		Value any `json:"value"`
	}
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		return nil, fmt.Errorf("reading Nix's configuration: %w", err)
	}
	settings := make(map[string]string, len(all))
	for name, s := range all {
		settings[name] = fmt.Sprint(s.Value)
	}
	return settings, nil
}
