package acceptance_test

import (
	"strings"
	"testing"
	"time"

	"byok/internal/acceptance"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/stamp"
	"byok/internal/testkit/softworld"
	"byok/internal/toolset"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// made is a rehearsal's world that has replaced its cards once.
func made(t *testing.T) *softworld.World {
	t.Helper()
	w, err := softworld.New(t.TempDir(), softworld.Options{Rehearsal: true})
	ok(t, err)
	ok(t, w.ReplaceCards(w.Module()))
	return w
}

// TestPolicy: no KM of the world is a KEK, of whatever card set.
func TestPolicy(t *testing.T) {
	w := made(t)
	said, at := &kek.Said{By: "Olga"}, time.Now()
	p, err := acceptance.Policy(w.Chain, said, at)
	ok(t, err)
	if !p.Rehearsal || p.Said != said || !p.Now.Equal(at) || len(p.Own) != 2 {
		t.Errorf("%+v", p)
	}
	for i, set := range w.Sets {
		sum, err := keykind.SPKIHash(&set.KM.PublicKey)
		ok(t, err)
		if p.Own[i] != sum {
			t.Errorf("KM of card set %d is not held back", i+1)
		}
	}
	w.Chain.World().KM.PublicKey = "none"
	if _, err := acceptance.Policy(w.Chain, nil, at); err == nil {
		t.Error("a world file without KM is taken")
	}
	if _, err := acceptance.Preflight(w.Chain, toolset.Pair{}); err == nil {
		t.Error("a world file without KM is taken")
	}
}

// pairOf is a rehearsal vault's KEK as the two packages of a toolset.
func pairOf(t *testing.T, k softworld.KEK, change func(*toolset.KEKPackage)) toolset.Pair {
	t.Helper()
	world := toolset.SecurityWorldPackage{
		Type: toolset.SecurityWorldType, Version: toolset.Version, Suffix: "CONTOSO", Generation: 1, Mark: kek.Rehearsal,
		Service: kek.ServiceVault, Cloud: "AzurePublic", Vault: k.ID.Vault,
	}
	data, err := world.Marshal()
	ok(t, err)
	public, err := keykind.MarshalPublicKey(k.Public)
	ok(t, err)
	pkg := toolset.KEKPackage{
		Type: toolset.KEKType, Version: toolset.Version, Suffix: "CONTOSO", Generation: 1, Mark: kek.Rehearsal,
		KID: k.ID, PublicKey: public, KTY: "RSA-HSM", KeyOps: []string{"import"}, Enabled: true, HSMPlatform: "2",
		Created: stamp.Now(), SecurityWorld: fingerprint.Of(data),
	}
	change(&pkg)
	pair, err := toolset.NewPair(pkg, world)
	ok(t, err)
	return pair
}

// TestPreflight refuses what no word of the vault's owner could change, and
// passes what waits for it.
func TestPreflight(t *testing.T) {
	w := made(t)
	exchange, err := softworld.NewKEK("https://localhost:8443")
	ok(t, err)
	production, err := softworld.New(t.TempDir(), softworld.Options{})
	ok(t, err)
	km := exchange
	km.Public = &w.Sets[0].KM.PublicKey
	asItIs := func(*toolset.KEKPackage) {}
	for _, c := range []struct {
		name string
		in   *kmdata.Chain
		pair toolset.Pair
		code exitcode.Code
	}{
		{"in order", w.Chain, pairOf(t, exchange, asItIs), exitcode.Done},
		{"may do more than import", w.Chain, pairOf(t, exchange, func(p *toolset.KEKPackage) {
			p.KeyOps = []string{"decrypt", "import"}
		}), exitcode.Check},
		{"disabled", w.Chain, pairOf(t, exchange, func(p *toolset.KEKPackage) { p.Enabled = false }), exitcode.Check},
		{"KM of the first card set", w.Chain, pairOf(t, km, asItIs), exitcode.Check},
		{"a rehearsal's, for production", production.Chain, pairOf(t, exchange, asItIs), exitcode.Refused},
	} {
		if failed, err := acceptance.Preflight(c.in, c.pair); exitcode.Of(err) != c.code || err == nil && len(failed) > 0 || c.code == exitcode.Check && len(failed) == 0 {
			t.Errorf("%s: %v", c.name, err)
		} else if err != nil && strings.TrimSpace(err.Error()) == "" {
			t.Errorf("%s: no reason", c.name)
		}
	}
}
