package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"byok/internal/testkit/page"
)

// pages lists the Markdown files of the repository that people read.
func pages(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, pattern := range []string{"../*.md", "*.md", "*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		list = append(list, found...)
	}
	return list
}

// TestLinks: each link between pages leads to a file that is there, and to a
// heading of it.
func TestLinks(t *testing.T) {
	links := 0
	for _, path := range pages(t) {
		for _, target := range page.Links(string(read(t, path))) {
			if strings.Contains(target, "://") {
				continue
			}
			links++
			if fault := follow(t, path, target); fault != "" {
				t.Errorf("%s: %s: %s", path, target, fault)
			}
		}
	}
	if links < 150 {
		t.Errorf("%d links were found", links)
	}
}

// follow says what is wrong with a link of the page at path, or nothing.
func follow(t *testing.T, path, target string) string {
	t.Helper()
	file, anchor, _ := strings.Cut(target, "#")
	to := path
	if file != "" {
		to = filepath.Join(filepath.Dir(path), file)
	}
	info, err := os.Stat(to)
	switch {
	case err != nil:
		return "there is no such file"
	case anchor == "":
		return ""
	case info.IsDir() || !page.Anchors(string(read(t, to)))[anchor]:
		return "there is no such heading"
	}
	return ""
}

func TestLinksAreFollowed(t *testing.T) {
	for target, want := range map[string]string{
		"verify.md":        "",
		"verify.md#a-kek":  "",
		"verify.md#a-kekk": "there is no such heading",
		"verified.md":      "there is no such file",
		"hsm/":             "",
		"hsm/#guards":      "there is no such heading",
		"#kek-said":        "",
		"#kek-sad":         "there is no such heading",
	} {
		if got := follow(t, "verify.md", target); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}

// TestContents: every page is within reach of the table of contents.
func TestContents(t *testing.T) {
	reached := map[string]bool{}
	next := []string{"README.md"}
	for len(next) > 0 {
		path := next[0]
		next = next[1:]
		if reached[path] || !strings.HasSuffix(path, ".md") {
			continue
		}
		reached[path] = true
		for _, target := range page.Links(string(read(t, path))) {
			file, _, _ := strings.Cut(target, "#")
			if file != "" && !strings.Contains(file, "://") {
				next = append(next, filepath.Join(filepath.Dir(path), file))
			}
		}
	}
	for _, path := range pages(t) {
		if !reached[path] {
			t.Errorf("%s cannot be reached from docs/README.md", path)
		}
	}
}

// TestNamedPages: a page that a source or a script names is there.
func TestNamedPages(t *testing.T) {
	named := 0
	for _, root := range []string{"../internal", "../cmd", "../scripts", "../Makefile", "../CHANGELOG.md"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			for _, name := range regexp.MustCompile(`\bdocs/[a-z0-9/-]+\.md\b`).FindAllString(string(read(t, path)), -1) {
				named++
				if _, err := os.Stat(filepath.Join("..", name)); err != nil {
					t.Errorf("%s names %s, which is not there", path, name)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if named < 20 {
		t.Errorf("%d names were found", named)
	}
}
