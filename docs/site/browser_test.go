package main

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// harness is a page that shows every page of the site in a frame of that width,
// notes those that scroll sideways, and searches. Its last words are the result.
const harness = `<!doctype html><title>harness</title><pre></pre><script>
(async () => {
  const found = { wide: [], errors: [], search: [], menu: "" };
  const open = (url, width) => new Promise((done) => {
    const frame = document.createElement("iframe");
    frame.style.cssText = "border:0;height:800px;width:" + width + "px";
    frame.onload = () => done(frame);
    frame.src = url;
    document.body.append(frame);
  });
  for (const page of PAGES) for (const width of [360, 800, 1280]) {
    const frame = await open(page, width), root = frame.contentDocument.documentElement;
    if (root.scrollWidth > width) found.wide.push(page + " at " + width + ": " + root.scrollWidth);
    if (page === "index.html" && width === 360) found.menu = getComputedStyle(frame.contentDocument.querySelector("header .menu")).display;
    if (page === "index.html" && width === 1280) {
      const w = frame.contentWindow, input = root.querySelector("header input");
      w.onerror = (e) => found.errors.push(String(e));
      input.value = "exit stat";
      input.dispatchEvent(new w.Event("input"));
      for (let i = 0; i < 100 && !root.querySelector(".search li"); i++) await new Promise((r) => setTimeout(r, 20));
      found.search = [...root.querySelectorAll(".search li a")].map((a) => a.getAttribute("href"));
    }
    frame.remove();
  }
  document.querySelector("pre").textContent = JSON.stringify(found);
})();
</script>`

// TestBrowser looks at all pages in Chromium: nothing is wider than the window,
// on a phone or elsewhere, and the search finds.
func TestBrowser(t *testing.T) {
	program, err := exec.LookPath("chromium")
	if err != nil {
		if strings.Contains(os.Getenv("RIGX_TEST_REQUIRE"), "chromium") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir, _ := written(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, filepath.Base(f))
	}
	list, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	site := http.FileServer(http.Dir(dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/harness" {
			fmt.Fprint(w, strings.Replace(harness, "PAGES", string(list), 1))
			return
		}
		if r.URL.Path == "/favicon.ico" {
			return
		}
		site.ServeHTTP(w, r)
	}))
	defer server.Close()
	out, err := exec.Command(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=600000", "--dump-dom", server.URL+"/harness").Output()
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?s)<pre>(.+?)</pre>`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("the page did not end:\n%s", out)
	}
	var found struct {
		Wide, Errors, Search []string
		Menu                 string
	}
	if err := json.Unmarshal([]byte(html.UnescapeString(string(m[1]))), &found); err != nil {
		t.Fatal(err)
	}
	for _, page := range found.Wide {
		t.Errorf("%s scrolls sideways", page)
	}
	if len(found.Errors) > 0 {
		t.Errorf("the search: %s", found.Errors)
	}
	if len(found.Search) == 0 || found.Search[0] != "exit-status.html" {
		t.Errorf("the search for the exit status finds %s", found.Search)
	}
	if found.Menu == "none" {
		t.Error("on a phone nothing leads to the list of pages")
	}
}
