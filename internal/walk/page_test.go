package walk

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"byok/internal/ceremony"
	"byok/internal/script"
)

var update = flag.Bool("update", false, "write what is compared")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got+"\n" {
		t.Errorf("%s: %v\n%s", name, err, got)
	}
}

// TestPages: every page fits a screen at both workstations; the longest are kept.
func TestPages(t *testing.T) {
	for name, at := range map[string]script.Place{"disconnected.txt": script.Disconnected, "connected.txt": script.Connected} {
		r := newRoom(t, course(t, at, ""))
		r.enough()
		if _, err := r.goes(); err != nil {
			t.Fatal(err)
		}
		var kept []string
		for i, page := range r.pages {
			if strings.Contains(page, "Elsewhere") || strings.Contains(page, "deal the cards") {
				kept = append(kept, page, r.asked[i]+":", r.asked[i+1]+":")
			}
			for line := range strings.SplitSeq(page, "\n") {
				if utf8.RuneCountInString(line) > screen && !strings.Contains(line, "/") { // a path is not broken
					t.Errorf("%s: wider than a screen: %s", name, line)
				}
			}
			if strings.Count(page, "\n") > 22 {
				t.Errorf("%s: longer than a screen:\n%s", name, page)
			}
		}
		golden(t, name, strings.Join(kept, "\n"))
	}
}

// TestTroubles are the pages that are shown when not all goes as planned.
func TestTroubles(t *testing.T) {
	c := course(t, script.Disconnected, "")
	r := newRoom(t, c)
	for _, id := range []string{"arrive", "programs", "confine", "carry-in", "module"} {
		r.attests(r.Sum, id, "")
	}
	r.event(ceremony.Begin, "world create", r.Sum, "world")
	r.answers = []string{"done", "", "deviation", ""}
	r.fails = map[string]int{"world create": 4}
	_, _ = r.goes()
	r.ends(r.Sum, "world")
	r.answers = nil
	_, _ = r.goes()
	pages := slices.DeleteFunc(r.pages, func(p string) bool { return p == "" })
	golden(t, "troubles.txt", strings.Join(pages, "\n"))
}

// TestTenThousandVaults: a block of steps elsewhere fits a screen however many there are.
func TestTenThousandVaults(t *testing.T) {
	c := course(t, script.Disconnected, "")
	for range 10_000 {
		c.Plan.Vaults = append(c.Plan.Vaults, c.Plan.Vaults[1])
	}
	c = New(c.Plan, c.File, c.Sum, script.Disconnected, c.Program)
	r := newRoom(t, c)
	last := slices.IndexFunc(c.steps, func(s script.Step) bool { return s.ID == "carry-in" })
	first := last
	for !c.here(c.steps[first-1]) {
		first--
	}
	page := strings.Join(r.meanwhile(first, last)(screen), "\n")
	if strings.Count(page, "\n") > 22 || !strings.Contains(page, "…  and 20000 more steps, up to\n") {
		t.Error(page)
	}
}
