package enact

import (
	"strings"
	"testing"

	"byok/internal/hsm/shim"
	"byok/internal/policy"
	"byok/internal/policy/findings"
	"byok/internal/testkit/softhsm"
)

// TestFlaws carries every seeded flaw out: the key is really had.
func TestFlaws(t *testing.T) {
	for _, f := range findings.Flaws() {
		t.Run(f.Name, func(t *testing.T) {
			r, found := policy.Run(f.Design, f.Module, f.Attacker).Way(f.Goal, f.What)
			if !found {
				t.Fatalf("not found: %s: %s", f.Goal, f.What)
			}
			s := newStage(t, libraryFor(t, f))
			s.exact = f.Shim == ""
			s.carryOut(r.Way)
			s.holds(r)
		})
	}
}

func libraryFor(t *testing.T, f findings.Flaw) string {
	t.Helper()
	library := softhsm.New(t)
	if f.Shim == "" {
		return library
	}
	t.Setenv("SHIM_MODULE", library)
	for _, one := range strings.Fields(f.Shim) {
		name, value, _ := strings.Cut(one, "=")
		t.Setenv(name, value)
	}
	return shim.Build(t)
}
