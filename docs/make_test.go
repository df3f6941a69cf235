package docs

import (
	"regexp"
	"testing"
)

// TestMakeTargets: what a page has people make is a target of the Makefile.
func TestMakeTargets(t *testing.T) {
	makefile := string(read(t, "../Makefile"))
	mentioned := map[string]bool{}
	for _, path := range pages(t) {
		for _, m := range regexp.MustCompile("(?m)(?:^|`|^    )make ([a-z0-9-]+)").FindAllStringSubmatch(string(read(t, path)), -1) {
			mentioned[m[1]] = true
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).MatchString(makefile) {
				t.Errorf("%s: there is no make %s", path, m[1])
			}
		}
	}
	if len(mentioned) < 8 {
		t.Errorf("few targets are mentioned: %v", mentioned)
	}
}
