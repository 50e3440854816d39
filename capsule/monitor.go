package capsule

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"
)

// command has the monitor of qemu do something, in its machine protocol (QMP).
func (v *vm) command(ctx context.Context, name string, arguments any) (json.RawMessage, error) {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "unix", v.monitor())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// It serves one client after the other, so another one may be first.
	end := time.Now().Add(5 * time.Second)
	if wanted, ok := ctx.Deadline(); ok && wanted.Before(end) {
		end = wanted
	}
	_ = conn.SetDeadline(end)
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, 1<<20)
	ask := func(name string, arguments any) (json.RawMessage, error) {
		request := map[string]any{"execute": name}
		if arguments != nil {
			request["arguments"] = arguments
		}
		if err := json.NewEncoder(conn).Encode(request); err != nil {
			return nil, err
		}
		for lines.Scan() {
			// Greetings and events have neither.
			var answer struct {
				Return json.RawMessage `json:"return"`
				Error  *struct{ Desc string }
			}
			switch err := json.Unmarshal(lines.Bytes(), &answer); {
			case err != nil:
				return nil, fmt.Errorf("qemu's monitor: %w", err)
			case answer.Error != nil:
				return nil, fmt.Errorf("qemu's monitor: %s: %s", name, answer.Error.Desc)
			case answer.Return != nil:
				return answer.Return, nil
			}
		}
		if err := lines.Err(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("qemu's monitor did not answer %s", name)
	}
	if _, err := ask("qmp_capabilities", nil); err != nil {
		return nil, err
	}
	return ask(name, arguments)
}
