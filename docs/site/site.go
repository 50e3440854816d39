package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/rigx-build/rigx/docs"
	"github.com/rigx-build/rigx/engine/manifest"
)

//go:embed page.html style.css search.js
var assets embed.FS

// repository is where links to files that are no pages lead.
const repository = "https://github.com/rigx-build/rigx"

// site is what is written.
type site struct {
	root  string // of the repository
	pages []docs.Page
	// readme maps anchors of the README to pages and their anchors.
	readme map[string]string
	// pictures are files of the repository that pages show.
	pictures map[string]bool
}

// view is what the template of a page sees.
type view struct {
	Page           docs.Page
	Body           template.HTML
	Contents       []heading
	Groups         []group
	Previous, Next *docs.Page
	Version        string
	Repository     string
}

// group is a part of the navigation.
type group struct {
	Name  docs.Group
	Pages []docs.Page
}

// found is an entry of the search.
type found struct {
	Title string `json:"t"`
	In    string `json:"i,omitempty"`
	URL   string `json:"u"`
}

// write writes the site of the repository at root into a directory.
func write(dir, root string, pages []docs.Page) error {
	s := &site{root: root, readme: map[string]string{}, pictures: map[string]bool{}}
	s.pages = append([]docs.Page{s.home(pages)}, pages...)
	for _, p := range s.pages {
		if p.Source != "README.md" {
			continue
		}
		for i, h := range headings(p.Text) {
			to := file(p)
			if i > 0 {
				to += "#" + h.ID
			}
			s.readme[h.ID] = to
		}
	}
	// What the README has as well, but is written from tables here.
	s.readme["reference-of-rigxtoml"] = "manifest.html"
	s.readme["commands"] = "rigx.html"
	s.readme["two-commands"] = repository + "#two-commands"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	layout, err := template.New("page.html").Funcs(template.FuncMap{"file": file}).ParseFS(assets, "page.html")
	if err != nil {
		return err
	}
	var index []found
	for i, p := range s.pages {
		v := view{Page: p, Groups: s.groups(), Version: manifest.Version, Repository: repository}
		body, list, err := s.html(p)
		if err != nil {
			return fmt.Errorf("page %s: %w", p.Name, err)
		}
		v.Body = template.HTML(body)
		v.Contents = contents(list)
		if i > 1 {
			v.Previous = &s.pages[i-1]
		}
		if i > 0 && i+1 < len(s.pages) {
			v.Next = &s.pages[i+1]
		}
		index = append(index, found{Title: p.Title, URL: file(p)})
		for j, h := range list {
			if j > 0 {
				index = append(index, found{h.Text, p.Title, file(p) + "#" + h.ID})
			}
		}
		if err := writeWith(filepath.Join(dir, file(p)), func(f *os.File) error { return layout.Execute(f, v) }); err != nil {
			return err
		}
	}
	return s.copyAssets(dir, index)
}

// file is the name of a page's file.
func file(p docs.Page) string { return p.Name + ".html" }

func writeWith(name string, fill func(*os.File) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := fill(f); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

func (s *site) copyAssets(dir string, index []found) error {
	data, err := json.Marshal(index)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "search.json"), data, 0o644); err != nil {
		return err
	}
	for _, name := range []string{"style.css", "search.js"} {
		data, err := assets.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	for picture := range s.pictures {
		data, err := os.ReadFile(filepath.Join(s.root, filepath.FromSlash(picture)))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, path.Base(picture)), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// home is the first page: the beginning of the README, and what there is to read.
// Of the pictures one is enough.
func (s *site) home(pages []docs.Page) docs.Page {
	var b, picture strings.Builder
	for line := range strings.Lines(docs.Intro()) {
		if !strings.HasPrefix(line, "![") {
			b.WriteString(line)
		} else if picture.Len() == 0 {
			picture.WriteString("\n" + line)
		}
	}
	for _, g := range []struct {
		group docs.Group
		about string
	}{
		{docs.Guide, "## Guide\n\nBegin with the [tutorial](tutorial.html): ten minutes, and all of it runs.\n\n"},
		{docs.Reference, "## Reference\n\n"},
	} {
		b.WriteString("\n" + g.about)
		for _, p := range pages {
			if p.Group == g.group {
				fmt.Fprintf(&b, "- [%s](%s): %s\n", p.Title, file(p), p.Summary)
			}
		}
	}
	b.WriteString("- [Commands](rigx.html): all of them, with their flags\n\nThe same manual is in the program: `rigx help`, or `man rigx`.\n")
	b.WriteString(picture.String())
	return docs.Page{Name: "index", Title: "rigx", Summary: "a build system around one declarative file, on top of Nix", Source: "README.md", Text: b.String()}
}

func (s *site) groups() []group {
	var out []group
	for _, name := range docs.Groups {
		g := group{Name: name}
		for _, p := range s.pages {
			if p.Group == name {
				g.Pages = append(g.Pages, p)
			}
		}
		out = append(out, g)
	}
	return out
}

// resolve turns a link of a page into one of the site.
func (s *site) resolve(p docs.Page, to string) (string, error) {
	if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") || strings.HasSuffix(strings.Split(to, "#")[0], ".html") {
		return to, nil
	}
	name, anchor, _ := strings.Cut(to, "#")
	if p.Source == "" && name != "" { // written from tables: the names of pages
		return s.page(strings.TrimSuffix(name, ".md"), anchor)
	}
	if name == "" && p.Source != "README.md" {
		return to, nil
	}
	target := p.Source
	if name != "" {
		target = path.Join(path.Dir(p.Source), name)
	}
	if target == "README.md" {
		if anchor == "" {
			return "index.html", nil
		}
		if at, ok := s.readme[anchor]; ok {
			return at, nil
		}
		return "", fmt.Errorf("the README has no heading #%s", anchor)
	}
	for _, other := range s.pages {
		if other.Source == target {
			return s.page(other.Name, anchor)
		}
	}
	if _, err := os.Stat(filepath.Join(s.root, filepath.FromSlash(target))); err != nil {
		return "", err
	}
	return repository + "/blob/main/" + target, nil
}

func (s *site) page(name, anchor string) (string, error) {
	for _, p := range s.pages {
		if p.Name == name {
			if anchor != "" {
				return file(p) + "#" + anchor, nil
			}
			return file(p), nil
		}
	}
	return "", fmt.Errorf("there is no page %s", name)
}
