package control_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/rigx-build/rigx/testbed"
	"github.com/rigx-build/rigx/testbed/control"
)

// busyNetwork is a network of three nodes whose links are in use until the test
// ends: sim → fc over TCP and UDP, fc → log.
func busyNetwork(t *testing.T, s *control.Server) *control.Network {
	t.Helper()
	n, err := s.Open(testbed.Options{Subnet: netip.MustParsePrefix("127.0.81.0/24"), Seed: 18446744073709551557})
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range []testbed.Node{{Name: "sim"}, {Name: "fc", TCP: []uint16{5001}, UDP: []uint16{6000}}, {Name: "log", TCP: []uint16{8001}}} {
		if err := n.Declare(node); err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	for _, l := range []testbed.Link{{From: "sim", To: "fc", Port: 5001}, {From: "sim", To: "fc", Port: 6000, Proto: testbed.UDP}, {From: "fc", To: "log", Port: 8001}} {
		at, err := n.Link(l)
		if err != nil {
			t.Fatal(err)
		}
		b, err := n.Bindings(l.To)
		if err != nil {
			t.Fatal(err)
		}
		if l.Proto == testbed.UDP {
			sink, err := net.ListenPacket("udp", b.PublishUDP[l.Port][0].String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = sink.Close() })
			go send(stop, "udp", at.String())
			continue
		}
		server, err := net.Listen("tcp", b.Publish[l.Port][0].String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Close() })
		go func() {
			for {
				c, err := server.Accept()
				if err != nil {
					return
				}
				go func() { _, _ = io.Copy(c, c) }()
			}
		}()
		go send(stop, "tcp", at.String())
	}
	return n
}

// send keeps sending to an address.
func send(stop chan struct{}, network, at string) {
	for {
		c, err := net.Dial(network, at)
		for err == nil {
			if network == "tcp" {
				_ = c.SetDeadline(time.Now().Add(time.Second))
				if _, err = c.Write(make([]byte, 500)); err == nil {
					_, err = io.ReadFull(c, make([]byte, 500))
				}
			} else {
				_, err = c.Write(make([]byte, 300))
			}
			select {
			case <-stop:
				_ = c.Close()
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
		select {
		case <-stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// readable is the lowest contrast of any text on the page with what is behind it,
// and the text: WCAG wants 4.5.
const readable = `(() => {
	const rgb = (s) => s.match(/[\d.]+/g).map(Number);
	const luminance = (c) => {
		const [r, g, b] = c.map((x) => x / 255).map((x) => (x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const c = rgb(getComputedStyle(e).backgroundColor);
			if (c.length === 3 || c[3] > 0) return c.slice(0, 3);
		}
		return [255, 255, 255];
	};
	let worst = [21, ""];
	for (const e of document.querySelectorAll("body *")) {
		const own = [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join("");
		if (!own || !e.getClientRects().length) continue;
		const style = getComputedStyle(e), svg = e.namespaceURI.endsWith("svg");
		if (svg && !e.matches("text, tspan")) continue;
		const box = e.closest("g")?.querySelector("rect");
		const ground = svg && e.closest(".bar, .node") ? rgb(getComputedStyle(box).fill) : behind(e);
		const a = luminance(rgb(svg ? style.fill : style.color).slice(0, 3)), b = luminance(ground);
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < worst[0]) worst = [ratio, own];
	}
	return worst;
})()`

// TestPage uses the page as somebody would, in a real browser.
func TestPage(t *testing.T) {
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			b := startBrowser(t, 1360, 1000, scheme)
			s := serve(t, control.Options{Project: "/home/me/lander", Target: "descent"})
			url, err := s.ServePage()
			if err != nil {
				t.Fatal(err)
			}
			b.open(url)
			b.until(`document.body.innerText.includes("No network is open")`)
			n := busyNetwork(t, s)
			faults := func(want string) {
				t.Helper()
				eventually(t, "the faults are "+want, func() bool {
					var got []string
					for _, f := range n.State().Faults {
						rule, _ := f.Rule.MarshalJSON()
						got = append(got, fmt.Sprintf("%s %v %s", testbed.Link(f.Selectors[0]), f.Selectors[0].Proto, rule))
					}
					return strings.Join(got, "; ") == want
				})
			}

			// What there is, and what passes.
			b.until(`document.getElementById("target").textContent === "descent"`)
			b.until(`document.querySelectorAll("#topology .node").length === 3 && document.querySelectorAll("#topology .link.busy").length === 3`)
			b.until(`document.querySelectorAll("#links tbody tr").length === 3`)
			b.until(`document.getElementById("seed").textContent === "18446744073709551557"`)
			b.until(`document.getElementById("timeline").textContent.includes("No fault has been injected")`)

			// A link is chosen in the picture, and loses datagrams by a switch.
			b.click(`#topology .link.udp text`)
			b.until(`document.getElementById("which").selectedOptions[0].textContent === "sim → fc:6000 udp"`)
			b.until(`[...document.querySelectorAll(".rules li:not([hidden]) .name")].map(e => e.textContent).join() === "Partition,Loss,Delay,Jitter,Corruption,Bandwidth,Duplicates,Reordering"`)
			b.click(`[aria-label=Loss]`)
			faults(`sim→fc:6000/udp udp {"drop_rate":0.1}`)
			b.until(`document.querySelector("[aria-label=Loss]").getAttribute("aria-checked") === "true"`)
			b.until(`document.querySelector("#topology .link.udp.faulty .rules").textContent === "loss 10 %"`)
			b.until(`document.querySelector("#timeline .bar.on text").textContent.startsWith("loss 10 %")`)
			b.until(`Number(document.querySelector("#links td.bad").textContent) > 0`)

			// Another value replaces it; another direction is another fault.
			b.eval(`(() => { const e = document.querySelector("[aria-label='Loss in %']"); e.value = 50; e.dispatchEvent(new Event("change")); })()`)
			faults(`sim→fc:6000/udp udp {"drop_rate":0.5}`)
			b.click(`[data-way=backward]`)
			b.until(`document.querySelector("[aria-label=Loss]").getAttribute("aria-checked") === "false"`)
			b.click(`[aria-label=Delay]`)
			faults(`sim→fc:6000/udp udp {"drop_rate":0.5}; sim→fc:6000/udp udp {"direction":"backward","delay_ms":100}`)
			b.eval(`(() => { const e = document.querySelector("[aria-label='Loss in %']"); e.value = 101; })()`)
			b.click(`[aria-label=Loss]`)
			b.until(`document.querySelector(".problem").textContent === "Loss: a number from 0 to 100, in %"`)

			b.until(`document.querySelector("[aria-label=Delay]").getAttribute("aria-checked") === "true"`)

			// What others inject is shown, and can be cleared.
			b.click(`[aria-label=Delay]`)
			faults(`sim→fc:6000/udp udp {"drop_rate":0.5}`)
			partition, err := n.Partition([]string{"fc"}, []string{"log"})
			if err != nil {
				t.Fatal(err)
			}
			b.until(`document.querySelector("#topology .link.cut .rules").textContent === "partition"`)
			b.until(`document.querySelector(".active").innerText.includes("fc ↔ log")`)
			b.until(`document.querySelectorAll("#timeline .bar").length === 4`)
			if contrast := b.eval(readable).([]any); contrast[0].(float64) < 4.5 {
				t.Errorf("the contrast of %q is %.2f", contrast[1], contrast[0])
			}
			b.picture("page-" + scheme)
			b.click(`[aria-label="Clear fault ` + fmt.Sprint(partition.ID()) + `"]`)
			faults(`sim→fc:6000/udp udp {"drop_rate":0.5}`)
			b.click(`.active h3 button`)
			faults(``)
			b.until(`document.querySelectorAll("#topology .faulty").length === 0`)

			// The token is not to be seen, and a reload keeps it.
			if at := b.eval(`location.href`); at != strings.SplitAfter(url, "/#")[0][:len(strings.SplitAfter(url, "/#")[0])-1] {
				t.Errorf("the address bar shows %v", at)
			}
			b.call("Page.reload", nil, nil)
			b.until(`document.querySelectorAll("#topology .link.busy").length === 3 && document.querySelectorAll("#timeline .bar").length === 4`)

			if err := s.Close(); err != nil {
				t.Error(err)
			}
			b.until(`document.getElementById("live").textContent === "ended"`)
			if len(b.problems) > 0 {
				t.Errorf("the browser complains: %v", b.problems)
			}
			for _, r := range b.requests {
				if !strings.HasPrefix(r, strings.SplitAfter(url, "/#")[0][:len("http://127.0.0.1:")]) {
					t.Errorf("the page asks for %s", r)
				}
			}
		})
	}
}

// TestPageRefuses asks for the page as others might.
func TestPageRefuses(t *testing.T) {
	s := serve(t, control.Options{})
	if _, err := s.Open(testbed.Options{}); err != nil {
		t.Fatal(err)
	}
	url, err := s.ServePage()
	if err != nil {
		t.Fatal(err)
	}
	base, token, _ := strings.Cut(url, "#")
	at, err := netip.ParseAddrPort(strings.Trim(strings.TrimPrefix(base, "http://"), "/"))
	if err != nil || !at.Addr().IsLoopback() {
		t.Fatal(url, err)
	}
	ask := func(method, path, body string, change func(*http.Request)) (int, string, http.Header) {
		t.Helper()
		r, err := http.NewRequest(method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		if change != nil {
			change(r)
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		if path == "api/stream" && answer.StatusCode == http.StatusOK {
			return answer.StatusCode, "", answer.Header
		}
		data, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(data), answer.Header
	}
	without := func(r *http.Request) { r.Header.Del("Authorization") }
	for name, c := range map[string]struct {
		method, path, body string
		change             func(*http.Request)
		status             int
	}{
		"the page has no secret":     {"GET", "", "", without, 200},
		"the stream":                 {"GET", "api/stream", "", nil, 200},
		"under another name":         {"GET", "api/stream", "", func(r *http.Request) { r.Host = "localhost:" + fmt.Sprint(at.Port()) }, 200},
		"without the token":          {"GET", "api/stream", "", without, 401},
		"with half of it":            {"GET", "api/stream", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token[:16]) }, 401},
		"as a cookie would":          {"GET", "api/stream?" + token, "", without, 401},
		"a name that was rebound":    {"GET", "", "", func(r *http.Request) { r.Host = "evil.example:" + fmt.Sprint(at.Port()) }, 421},
		"another port":               {"GET", "api/stream", "", func(r *http.Request) { r.Host = "127.0.0.1:1" }, 421},
		"from another page":          {"POST", "api/clear", "{}", func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, 403},
		"may another page?":          {"OPTIONS", "api/clear", "", func(r *http.Request) { r.Header.Set("Access-Control-Request-Method", "POST") }, 405},
		"by a link":                  {"GET", "api/clear", "", nil, 404},
		"clear":                      {"POST", "api/clear", `{"network":1}`, nil, 200},
		"a network that is not":      {"POST", "api/clear", `{"network":9}`, nil, 400},
		"a rule that is not":         {"POST", "api/fault", `{"network":1,"rule":{"dorp_rate":1}}`, nil, 400},
		"a rate that cannot be":      {"POST", "api/fault", `{"network":1,"rule":{"drop_rate":2}}`, nil, 400},
		"a node that is not":         {"POST", "api/fault", `{"network":1,"selector":{"from":"x"},"rule":{"drop_rate":1}}`, nil, 400},
		"no request":                 {"POST", "api/fault", `nonsense`, nil, 400},
		"a request without end":      {"POST", "api/fault", `{"network":1,"rule":{}` + strings.Repeat(" ", 1<<20) + `}`, nil, 400},
		"a file that is not for you": {"GET", "page.go", "", nil, 404},
	} {
		status, body, header := ask(c.method, c.path, c.body, c.change)
		if status != c.status {
			t.Errorf("%s: status %d, want %d: %s", name, status, c.status, body)
		}
		if strings.Contains(body, token) {
			t.Errorf("%s: the token is in the answer", name)
		}
		if header.Get("Access-Control-Allow-Origin") != "" || !strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v", name, header)
		}
	}
}
