package control

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
)

// Client talks to a server, as scripts do. It is not safe for concurrent use.
type Client struct {
	conn *net.UnixConn
	r    *bufio.Reader
	last int64
}

// Dial connects to the server at a socket, with a session of its own.
func Dial(socket string) (*Client, error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return nil, err
	}
	c := &Client{conn: conn, r: bufio.NewReader(conn)}
	if err := c.Call("hello", struct{}{}, nil); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

// Close ends the connection, and the session with it.
func (c *Client) Close() error { return c.conn.Close() }

// Follow is Call for a request that lasts until ctx ends, and is answered then.
func (c *Client) Follow(ctx context.Context, method string, params, result any) error {
	stop := context.AfterFunc(ctx, func() { _ = c.conn.CloseWrite() })
	defer stop()
	return c.Call(method, params, result)
}

// Call sends a request and decodes the result into result, unless that is nil.
// What the server says against it is an [Error].
func (c *Client) Call(method string, params, result any) error {
	encoded, err := json.Marshal(params)
	if err != nil {
		return err
	}
	c.last++
	line, err := json.Marshal(request{ID: c.last, Method: method, Params: encoded})
	if err != nil {
		return err
	}
	if _, err := c.conn.Write(append(line, '\n')); err != nil {
		return err
	}
	for {
		line, err := c.r.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("rigx, which ran the testbed, has ended: %w", err)
		}
		var a struct {
			ID     int64           `json:"id"`
			Result json.RawMessage `json:"result"`
			Error  *Error          `json:"error"`
			Stream string          `json:"stream"`
		}
		if err := json.Unmarshal(line, &a); err != nil {
			return err
		}
		switch {
		case a.Stream != "":
		case a.Error != nil:
			return a.Error
		case result == nil:
			return nil
		default:
			return json.Unmarshal(a.Result, result)
		}
	}
}
