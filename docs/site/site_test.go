package main

import (
	"bytes"
	"encoding/json"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/rigx-build/rigx/docs"
)

var (
	links = regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	ids   = regexp.MustCompile(` id="([^"]*)"`)
)

// root of the repository.
var root = filepath.Join("..", "..")

// manual is what the program says.
var manual = sync.OnceValues(func() ([]docs.Page, error) {
	cmd := exec.Command("go", "run", "./cmd/rigx", "man", "--json")
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var pages []docs.Page
	return pages, json.Unmarshal(out, &pages)
})

// written is a directory with the site.
func written(t *testing.T) (dir string, pages []docs.Page) {
	t.Helper()
	pages, err := manual()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := write(dir, root, pages); err != nil {
		t.Fatal(err)
	}
	return dir, pages
}

// TestSite writes the site and follows every link in it.
func TestSite(t *testing.T) {
	dir, pages := written(t)
	anchors := map[string]map[string]bool{}
	texts := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		anchors[e.Name()] = map[string]bool{"": true}
		if filepath.Ext(e.Name()) != ".html" {
			continue
		}
		texts[e.Name()] = string(data)
		for _, m := range ids.FindAllSubmatch(data, -1) {
			id := html.UnescapeString(string(m[1]))
			if anchors[e.Name()][id] {
				t.Errorf("%s has two elements with the id %s", e.Name(), id)
			}
			anchors[e.Name()][id] = true
		}
	}
	if len(texts) != len(pages)+1 {
		t.Errorf("%d pages were written of %d", len(texts), len(pages)+1)
	}
	followed, reached := 0, map[string]bool{"index.html": true}
	for name, text := range texts {
		if n := strings.Count(text, "<h1"); n != 1 {
			t.Errorf("%s has %d headings of the first level", name, n)
		}
		for _, m := range links.FindAllStringSubmatch(text, -1) {
			to := html.UnescapeString(m[1])
			if strings.Contains(to, "://") {
				if strings.HasPrefix(m[0], "src") {
					t.Errorf("%s loads %s from elsewhere", name, to)
				}
				continue
			}
			file, anchor, _ := strings.Cut(to, "#")
			if file == "" {
				file = name
			}
			if !anchors[file][anchor] {
				t.Errorf("%s: the link %s leads nowhere", name, to)
			}
			followed++
			if file != name {
				reached[file] = true
			}
		}
	}
	if followed < 1000 {
		t.Errorf("only %d links were found", followed)
	}
	for name := range texts {
		if !reached[name] {
			t.Errorf("nothing leads to %s", name)
		}
	}
	var index []found
	data, err := os.ReadFile(filepath.Join(dir, "search.json"))
	if err != nil || json.Unmarshal(data, &index) != nil {
		t.Fatal(err, "the index of the search cannot be read")
	}
	for _, entry := range index {
		if file, anchor, _ := strings.Cut(entry.URL, "#"); !anchors[file][anchor] {
			t.Errorf("the search finds %s, which is nowhere", entry.URL)
		}
	}
	if again := t.TempDir(); write(again, root, pages) == nil {
		for name, text := range texts {
			if data, err := os.ReadFile(filepath.Join(again, name)); err != nil || !bytes.Equal(data, []byte(text)) {
				t.Errorf("%s is another one the second time: %v", name, err)
			}
		}
	}
}

// TestBadLinks are noticed while writing.
func TestBadLinks(t *testing.T) {
	for _, text := range []string{"[x](nowhere.md)", "[x](../README.md#nowhere)", "![x](nowhere.png)"} {
		err := write(t.TempDir(), root, []docs.Page{{Name: "x", Title: "x", Group: docs.Guide, Source: "docs/x.md", Text: "# x\n\n" + text}})
		if err == nil {
			t.Errorf("%s was written", text)
		}
	}
}

func TestColored(t *testing.T) {
	for _, c := range []struct{ language, code, want string }{
		{"toml", "[a]\nb = \"<#\" # c", `<span class="h">[a]</span>` + "\n" + `<span class="k">b =</span> <span class="s">&#34;&lt;#&#34;</span> <span class="c"># c</span>`},
		{"toml", "a = '''\n# <b>\n'''", `<span class="k">a =</span> <span class="s">&#39;&#39;&#39;` + "\n# &lt;b&gt;\n&#39;&#39;&#39;</span>"},
		{"console", "$ rigx <x>\nout", `<span class="p">$ rigx &lt;x&gt;</span>` + "\nout"},
		{"", "rigx build   # all & more", `rigx build<span class="c">   # all &amp; more</span>`},
		{"c", "#include <x>", "#include &lt;x&gt;"},
	} {
		if got := colored(c.language, c.code); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.code, got, c.want)
		}
	}
}
