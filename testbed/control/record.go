package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/rigx-build/rigx/testbed"
)

// recording is a pcap file in the making.
type recording struct {
	file *os.File
	stop func() error
}

func (r *recording) finish() error {
	err := r.stop()
	if closeErr := r.file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// record begins to write what passes some links to a file.
func (n *Network) record(path string, s testbed.Selector) (int, error) {
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	stop, err := n.Record(s, file)
	if err != nil {
		file.Close()
		return 0, asValue(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last++
	n.records[n.last] = &recording{file, stop}
	return n.last, nil
}

// stopRecording completes a file. One that is complete is fine.
func (n *Network) stopRecording(id int) error {
	n.mu.Lock()
	r := n.records[id]
	delete(n.records, id)
	n.mu.Unlock()
	if r == nil {
		return nil
	}
	return r.finish()
}

func record(n *Network, p struct {
	injection
	Path string `json:"path"`
}) (any, error) {
	s, err := p.selector()
	if err != nil {
		return nil, err
	}
	if !filepath.IsAbs(p.Path) {
		return nil, invalid("the path of a recording is absolute, not %q", p.Path)
	}
	id, err := n.record(p.Path, s)
	if err != nil {
		return nil, err
	}
	return map[string]any{"record": id}, nil
}

func stopRecord(n *Network, p struct {
	Record int `json:"record"`
}) (any, error) {
	return nil, n.stopRecording(p.Record)
}

// Link is that of [testbed.Network]. What passes is recorded from the first
// byte on, if all is to be recorded.
func (n *Network) Link(l testbed.Link) (netip.AddrPort, error) {
	at, err := n.Network.Link(l)
	if err != nil || n.recordDir == "" {
		return at, err
	}
	if l.Proto == 0 {
		l.Proto = testbed.TCP
	}
	_, err = n.record(filepath.Join(n.recordDir, pcapName(l)), testbed.Selector(l))
	return at, err
}

// recordInto prepares the directory in which everything is recorded.
func (n *Network) recordInto(dir string, opts *testbed.Options) error {
	if dir == "" {
		return nil
	}
	events, err := n.eventFile(&dir)
	if err != nil {
		return err
	}
	n.recordDir, n.events, opts.Events = dir, events, events
	return nil
}

// eventFile makes the log of events in a directory. The first network uses it as
// it is, others a directory in it.
func (n *Network) eventFile(dir *string) (*os.File, error) {
	if n.number > 1 {
		*dir = filepath.Join(*dir, "network-"+strconv.Itoa(n.number))
	}
	if err := os.MkdirAll(*dir, 0o755); err != nil {
		return nil, err
	}
	return os.Create(filepath.Join(*dir, "events.jsonl"))
}

func pcapName(l testbed.Link) string {
	return fmt.Sprintf("%s-%s-%d-%v.pcap", fileName(l.From), fileName(l.To), l.Port, l.Proto)
}

// fileName turns the name of a node into that of a file.
func fileName(node string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '.' {
			return r
		}
		return '_'
	}, node)
}

// recordAnywhere records the networks there are until they are closed or the
// client ends its side, and answers which files there are then.
func recordAnywhere(ctx context.Context, c *connection, req request) (any, error) {
	p, err := params[struct {
		Dir string `json:"dir"`
		Src string `json:"src"`
		Dst string `json:"dst"`
	}](req)
	if err != nil {
		return nil, err
	}
	if !filepath.IsAbs(p.Dir) {
		return nil, invalid("the directory of a recording is absolute, not %q", p.Dir)
	}
	networks := c.server.allNetworks()
	files := make([][]string, len(networks))
	errs := make([]error, len(networks))
	var wg sync.WaitGroup
	for i, n := range networks {
		wg.Go(func() { files[i], errs[i] = n.recordAll(ctx, p.Dir, testbed.Selector{From: p.Src, To: p.Dst}) })
	}
	wg.Wait()
	all := []string{}
	for _, f := range files {
		all = append(all, f...)
	}
	return map[string]any{"files": all}, errors.Join(errs...)
}

// recordAll records all links that match, those that are opened later too, and
// the events from the beginning on, until ctx ends or the network is closed.
func (n *Network) recordAll(ctx context.Context, dir string, s testbed.Selector) (files []string, err error) {
	events, err := n.eventFile(&dir)
	if err != nil {
		return nil, err
	}
	files = append(files, events.Name())
	recordings := map[testbed.Link]int{}
	defer func() {
		for _, id := range recordings {
			err = errors.Join(err, n.stopRecording(id))
		}
		err = errors.Join(err, events.Close())
	}()
	begin := func(l testbed.Link) error {
		if _, known := recordings[l]; known || s.From != "" && s.From != l.From || s.To != "" && s.To != l.To {
			return nil
		}
		path := filepath.Join(dir, pcapName(l))
		id, err := n.record(path, testbed.Selector(l))
		if err == nil {
			recordings[l] = id
			files = append(files, path)
		}
		return err
	}
	for _, l := range n.State().Links {
		if err := begin(l.Link); err != nil {
			return files, err
		}
	}
	if len(recordings) == 0 && (s.From != "" || s.To != "") {
		return files, invalid("there is no link from %s to %s", orAny(s.From), orAny(s.To))
	}
	out := json.NewEncoder(events)
	for next := 0; ; {
		records, after, more := n.log.since(next)
		next = after
		for _, r := range records {
			if r.Event == "link.opened" {
				if err := begin(*r.Link); err != nil {
					return files, err
				}
			}
			if err := out.Encode(r); err != nil {
				return files, err
			}
		}
		if more == nil {
			return files, nil
		}
		select {
		case <-ctx.Done():
			return files, nil
		case <-more:
		}
	}
}

func orAny(node string) string {
	if node == "" {
		return "any node"
	}
	return node
}
