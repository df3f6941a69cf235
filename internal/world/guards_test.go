package world_test

import (
	"testing"

	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// TestTrustRoute: a module whose SO sets TRUSTED afterwards serves as well, and
// its statement says which way it was.
func TestTrustRoute(t *testing.T) {
	for _, c := range []struct {
		name, later, rsaAES string
		want                statement.TrustRoute
	}{
		{"at creation", "", "", statement.TrustAtCreation},
		{"afterwards, in two steps", "modifiable", "", statement.TrustAfterwards},
		{"afterwards, in one call", "1", "1", statement.TrustAfterwards},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.New(t, 3)
			t.Setenv("SHIM_TRUST_LATER", c.later)
			t.Setenv("SHIM_RSA_AES", c.rsaAES)
			chain, err := world.Create(r.Creation(2))
			rig.OK(t, err)
			if got := chain.Modules()[0].Trust; got != c.want {
				t.Errorf("route %q, want %q", got, c.want)
			}
			r.Whole(t)
			rig.OK(t, generate(r, "key"))
			p, old := replacement(t, r)
			rig.OK(t, replace(r, p, old))
			if got := r.Chain(t).Modules()[0].Trust; got != c.want {
				t.Errorf("route %q after the replacement, want %q", got, c.want)
			}
			r.Whole(t)
			rig.OK(t, r.Quorum(func(*session.Quorum) error { return nil }))
		})
	}
}
