package script_test

import (
	"slices"
	"strings"
	"testing"

	"byok/internal/script"
)

// TestAirgap: a plan that demands it has the commands refuse a connected workstation
// that make the world, approve and package, together or one by one.
func TestAirgap(t *testing.T) {
	p := read(t)
	demanding := func() (list []string) {
		for _, s := range slices.Concat(script.Steps(p), script.Singles(p)) {
			asks := slices.Contains(s.Command, "--require-airgap")
			line := strings.Join(s.Command, " ")
			makes := strings.HasPrefix(line, "world create") || strings.HasPrefix(line, "acl modify") || strings.HasPrefix(line, "package")
			if asks != (makes && p.Airgap) {
				t.Errorf("%s: %s", s.ID, line)
			}
			if asks {
				list = append(list, s.ID)
			}
		}
		return list
	}
	if got := demanding(); len(got) > 0 {
		t.Errorf("without: %q", got)
	}
	p.Airgap = true
	if got := demanding(); len(got) < 7 || got[0] != "world" || got[1] != "approve" || got[2] != "package" {
		t.Errorf("several keys: %q", got)
	}
	p.Keys, p.Vaults = p.Keys[:1], p.Vaults[:1]
	p.Keys[0].Vaults = []string{p.Vaults[0].Name}
	id := p.Keys[0].Ident + ":" + p.Vaults[0].Name
	if got, want := demanding(), []string{"world", "approve:" + id, "package:" + id}; !slices.Equal(got, want) {
		t.Errorf("one key: %q, want %q", got, want)
	}
}
