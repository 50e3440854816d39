// Package page is the local web page of a testbed: its topology, what passes,
// switches for faults, and a timeline of what was injected.
//
//	p, err := page.Serve(source)
//	…
//	fmt.Println(p.URL())
//	defer p.Close()
//
// It listens on the loopback only. What it shows and does is for whoever knows
// the token in the URL, which the browser keeps to itself: it is in the fragment,
// and goes with each request as a header, so that no other page can make one.
// The page itself, in assets/, uses no framework and loads nothing from elsewhere.
package page

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rigx-build/rigx/testbed"
)

// Source is what a page shows. Its methods are called concurrently.
type Source interface {
	// Describe says whose testbeds they are.
	Describe() Description
	// Networks are those that are open.
	Networks() []Network
	// Inject sets a fault on the links of a network that a selector matches.
	Inject(network int, s testbed.Selector, r testbed.Rule) error
	// Clear ends a fault; all of the network if fault is 0.
	Clear(network, fault int) error
}

// Description is the title of a page.
type Description struct {
	Project string    `json:"project"`
	Target  string    `json:"target"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}

// Network is one that is open.
type Network interface {
	// Number tells it from the others of its source, and from those before.
	Number() int
	State() testbed.State
	// Events are those from the n-th on, and the number of the next one.
	Events(n int) (records []testbed.EventRecord, next int)
}

// Page is a page that is served.
type Page struct {
	source Source
	token  string
	server *http.Server
	addr   net.Addr
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	changed chan struct{} // closed when something was asked for, and then another
}

//go:embed assets
var assets embed.FS

// Serve serves a page on a free port of 127.0.0.1.
func Serve(source Source) (*Page, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	var random [16]byte
	_, _ = rand.Read(random[:])
	p := &Page{source: source, token: hex.EncodeToString(random[:]), addr: listener.Addr(), changed: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.Handle("GET /api/stream", p.authorized(p.stream))
	mux.Handle("POST /api/fault", p.authorized(p.fault))
	mux.Handle("POST /api/clear", p.authorized(p.clear))
	p.server = &http.Server{
		Handler:           p.guarded(mux),
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return p.ctx },
	}
	go func() { _ = p.server.Serve(listener) }()
	return p, nil
}

// URL is where the page is, with the token.
func (p *Page) URL() string { return "http://" + p.addr.String() + "/#" + p.token }

// Close ends the page; those who look at it are told.
func (p *Page) Close() error {
	p.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := p.server.Shutdown(ctx); err != nil {
		return p.server.Close()
	}
	return nil
}

// guarded refuses requests under any name but the loopback's, as those of a page
// whose name was made to lead here, and says what the page may do.
func (p *Page) guarded(next http.Handler) http.Handler {
	_, port, _ := net.SplitHostPort(p.addr.String())
	names := map[string]bool{"127.0.0.1:" + port: true, "localhost:" + port: true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !names[r.Host] {
			http.Error(w, "this page is at http://"+p.addr.String(), http.StatusMisdirectedRequest)
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
			http.Error(w, "requests from other pages are refused", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// authorized wants the token.
func (p *Page) authorized(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(given), []byte(p.token)) != 1 {
			http.Error(w, "the token is missing or wrong: open the URL that rigx printed", http.StatusUnauthorized)
			return
		}
		next(w, r)
	})
}

// interval is how often the page is told how things are.
const interval = 500 * time.Millisecond

// update is what the page is told.
type update struct {
	Description
	Networks []networkUpdate `json:"networks"`
}

type networkUpdate struct {
	Number int `json:"number"`
	testbed.State
	// Seed is that of the state, which is too long for a number of JavaScript.
	Seed string `json:"seed"`
	// Events are those since the last update.
	Events []testbed.EventRecord `json:"events"`
}

// stream sends updates, one JSON value a line, until the page is left or closed.
func (p *Page) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := json.NewEncoder(w)
	flush := http.NewResponseController(w)
	told := map[int]int{}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		changed := p.change()
		u := update{Description: p.source.Describe(), Networks: []networkUpdate{}}
		for _, n := range p.source.Networks() {
			records, next := n.Events(told[n.Number()])
			told[n.Number()] = next
			state := n.State()
			u.Networks = append(u.Networks, networkUpdate{
				Number: n.Number(), State: state, Seed: strconv.FormatUint(state.Seed, 10), Events: notable(records),
			})
		}
		// A browser that has stopped reading must not keep this going for ever.
		_ = flush.SetWriteDeadline(time.Now().Add(10 * time.Second))
		if out.Encode(u) != nil || flush.Flush() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// change is closed by the next request that changes something.
func (p *Page) change() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed
}

// done answers a request, and has all who look told at once what came of it.
func (p *Page) done(w http.ResponseWriter, err error) {
	answer(w, err)
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.changed)
	p.changed = make(chan struct{})
}

// notable leaves out what comes by the thousand.
func notable(records []testbed.EventRecord) []testbed.EventRecord {
	out := []testbed.EventRecord{}
	for _, r := range records {
		switch r.Event {
		case "connection.opened", "connection.closed", "link.counted", "link.closed", "link.opened":
		default:
			out = append(out, r)
		}
	}
	return out
}

// fault sets a fault.
func (p *Page) fault(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Network  int              `json:"network"`
		Selector testbed.Selector `json:"selector"`
		Rule     testbed.Rule     `json:"rule"`
	}
	if decode(w, r, &asked) {
		p.done(w, p.source.Inject(asked.Network, asked.Selector, asked.Rule))
	}
}

// clear ends a fault, or all.
func (p *Page) clear(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Network int `json:"network"`
		Fault   int `json:"fault"`
	}
	if decode(w, r, &asked) {
		p.done(w, p.source.Clear(asked.Network, asked.Fault))
	}
}

// maxRequest bounds what is read of a request, in bytes.
const maxRequest = 64 << 10

func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err != nil {
		answer(w, errors.New("not a request: "+err.Error()))
	}
	return err == nil
}

func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
		return
	}
	_, _ = w.Write([]byte("{}\n"))
}
