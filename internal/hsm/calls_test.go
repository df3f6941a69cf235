package hsm

import (
	"path/filepath"
	"testing"

	"byok/internal/hsm/shim"
)

// TestProbeCopyCalls counts the PKCS#11 calls that a transfer copy costs: the
// first of a login makes the controls as well. Package keys counts those of a
// whole approval.
func TestProbeCopyCalls(t *testing.T) {
	log := filepath.Join(t.TempDir(), "calls")
	t.Setenv("SHIM_LOG", log)
	r := faultyWorld(t)
	for _, c := range []struct {
		kind        string
		first, next int
	}{{"P-256", 65, 41}, {"RSA-2048", 67, 42}, {"AES-256", 74, 48}} {
		t.Run(c.kind, func(t *testing.T) {
			r.asUser(t) // a new login
			count := func() int {
				k := must[Key](t)(r.s.Generate(Spec{Kind: kind(t, c.kind)}, "key", SessionObject))
				reduced := must[Key](t)(r.s.Reduce(k))
				before := len(shim.Calls(t, log))
				ok(t, r.s.ProbeCopy(reduced))
				return len(shim.Calls(t, log)) - before
			}
			first, next := count(), count()
			if first > c.first || next > c.next {
				t.Errorf("%d calls, then %d; at most %d, then %d are expected", first, next, c.first, c.next)
			}
		})
	}
}

// TestInventoryIsLinear: each further object costs the same two calls.
func TestInventoryIsLinear(t *testing.T) {
	log := filepath.Join(t.TempDir(), "calls")
	t.Setenv("SHIM_LOG", log)
	r := faultyWorld(t)
	count := func() int {
		before := len(shim.Calls(t, log))
		must[[]Item](t)(r.s.Inventory())
		return len(shim.Calls(t, log)) - before
	}
	empty := count()
	for range 5 {
		must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "P-256")}, "key", TokenObject))
	}
	if n := count(); n != empty+5*2*2 {
		t.Errorf("%d calls, were %d without ten more objects", n, empty)
	}
}
