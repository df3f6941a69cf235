//go:build linux

package quorum

import (
	"os"
	"path/filepath"
	"testing"

	"byok/internal/exitcode"
)

func TestCheckMedia(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	link := filepath.Join(two, "link")
	if err := os.Symlink(one, link); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(one, "usb")
	const own = "give each card its own medium; only --rehearsal may share one"
	for name, c := range map[string]struct {
		dirs      []string
		rehearsal bool
		want      failure
	}{
		"one medium":        {[]string{"/proc", one, two}, false, failure{one + " and " + two + " are on one medium: whoever holds it would hold two cards", exitcode.Refused, own}},
		"one folder":        {[]string{one, two, one}, true, failure{one + " and " + one + " are one folder: each card needs its own", exitcode.Refused, ""}},
		"a link to it":      {[]string{one, link}, true, failure{one + " and " + link + " are one folder: each card needs its own", exitcode.Refused, ""}},
		"not there":         {[]string{one, missing}, true, missingAt(missing)},
		"production":        {[]string{"/proc", "/sys"}, false, failure{}},
		"rehearsal, shared": {[]string{one, two}, true, failure{}},
		"no cards":          {nil, false, failure{}},
	} {
		err := CheckMedia(c.dirs, c.rehearsal)
		if c.want != (failure{}) {
			expect(t, name, err, c.want)
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
