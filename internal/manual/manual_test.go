//go:build unix

package manual_test

import (
	"os"
	"strings"
	"testing"

	"byok/internal/manual"
	"byok/internal/testkit/handbook"
)

// TestHandbook holds the pages of a program that has one of everything to it.
func TestHandbook(t *testing.T) { handbook.Check(t, handbook.Sample) }

// TestPage compares pages, as people read them, with those in testdata.
func TestPage(t *testing.T) {
	pages := handbook.Sample().Pages()
	for _, c := range []struct {
		name string
		path string
		text func(p manual.Page) string
	}{
		{"program.80.txt", "", func(p manual.Page) string { return p.Help(80) }},
		{"key-make.80.txt", "key make", func(p manual.Page) string { return p.Help(80) }},
		{"key-make.40.txt", "key make", func(p manual.Page) string { return p.Help(40) }},
		{"key-make.1", "key make", func(p manual.Page) string { return p.Roff("1.2.3", "2026-11-26") }},
		{"program.1", "", func(p manual.Page) string { return p.Roff("1.2.3", "2026-11-26") }},
	} {
		page, found := manual.Find(pages, strings.Fields(c.path))
		if !found {
			t.Fatalf("%s: there is no page of %q", c.name, c.path)
		}
		want, err := os.ReadFile("testdata/" + c.name)
		if got := c.text(page); err != nil || got != string(want) {
			t.Errorf("%s, %v:\n%s\nwant\n%s", c.name, err, got, want)
		}
	}
}

// TestFind: a path that no command has.
func TestFind(t *testing.T) {
	pages := handbook.Sample().Pages()
	for _, path := range []string{"keys", "key make it", "list"} {
		if p, found := manual.Find(pages, strings.Fields(path)); found {
			t.Errorf("%s: found %s", path, p.Title())
		}
	}
	page, _ := manual.Find(pages, []string{"key", "make"})
	if page.Name() != "byok-test-key-make" || page.Title() != "byok-test key make" {
		t.Errorf("%s, %s", page.Name(), page.Title())
	}
}
