package hsm

import (
	"path/filepath"
	"slices"
	"testing"

	"byok/internal/hsm/shim"
)

// TestCalls counts the PKCS#11 calls of a transfer of one key, as a quorum
// session makes them: a network HSM answers each after a round trip.
func TestCalls(t *testing.T) {
	log := filepath.Join(t.TempDir(), "calls")
	t.Setenv("SHIM_LOG", log)
	r := faultyWorld(t)
	must[Key](t)(r.s.GenerateKML("kml"))
	must[Key](t)(r.s.Generate(Spec{Kind: kind(t, "P-256")}, "key", TokenObject))
	r.s.Close()
	r.m.Close()
	before := len(shim.Calls(t, log))
	r.m = load(t, r.m.Path)
	r.open(t)
	r.transfer(t)
	r.s.Close()
	n := len(shim.Calls(t, log)) - before
	t.Logf("%d calls", n)
	if n > 200 {
		t.Errorf("%d calls for one transfer", n)
	}
}

// transfer is a quorum session that wraps one key for one KEK.
func (r *rig) transfer(t *testing.T) {
	t.Helper()
	r.asUser(t)
	shown := must[Key](t)(r.s.FindKey("key"))
	ok(t, r.s.Proves(shown, Identity{Public: shown.Public}))
	r.probeAll(t, must[[]TrustedObject](t)(r.s.Trusted()))
	vault := r.trustVault(t)
	k := must[Key](t)(r.s.FindKey("key"))
	ok(t, r.s.Proves(k, Identity{Public: shown.Public}))
	reduced := must[Key](t)(r.s.Reduce(k))
	must[[]string](t)(r.s.Permissions(reduced))
	must[[]byte](t)(r.s.Wrap(vault, reduced))
	must[[]byte](t)(r.s.SignPossession(k, []byte("authorization")))
	must[[]TrustedObject](t)(r.s.Trusted())
	must[[]byte](t)(r.s.Sign(must[Key](t)(r.s.FindKey("kml")), []byte("file")))
	r.asSO(t)
	ok(t, r.s.SetAnchor(AnchorPrefix+"000002", &r.km.PublicKey))
}

// probeAll proves that the trusted token objects are frozen: the anchor last,
// for KW's controls serve it as well.
func (r *rig) probeAll(t *testing.T, trusted []TrustedObject) {
	t.Helper()
	kinds := map[string]TrustedKind{"km": KM, "kw": KW, AnchorPrefix + "000001": Anchor}
	slices.SortFunc(trusted, func(a, b TrustedObject) int { return int(kinds[a.Label] - kinds[b.Label]) })
	for _, o := range trusted {
		ok(t, r.s.ProbeTrusted(o.Object, kinds[o.Label]))
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
