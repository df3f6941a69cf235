package kmdata_test

import (
	"testing"

	"byok/internal/kmdata"
)

// TestCertifier verifies a genuine certificate, and then every attack on it, with
// one certifier: each is refused as it is without one. What is genuine stays so, and
// names the files that it came from.
func TestCertifier(t *testing.T) {
	f := world(t)
	genuine := f.carried(t)
	var m kmdata.Certifier
	certify := func(c carried) (*kmdata.Certificate, error) {
		return m.Certify(c.world, c.cards, c.module, c.authorization)
	}
	check(t, second(certify(genuine)))
	for _, a := range certificateAttacks {
		c := f.carried(t)
		a.attack(t, f, &c)
		want, got := second(c.certify()), second(certify(c))
		if want == nil || got == nil || got.Error() != want.Error() {
			t.Errorf("%s: %v, want %v", a.name, got, want)
		}
	}
	again := f.carried(t)
	again.world.Path, again.authorization.Path = "q.world.json", "q.authorization.json"
	cert := must(certify(again))(t)
	e := cert.Entries()
	if len(e) != 4 || e[0].Path != "q.world.json" || e[1].Path != "p.cards-2.json" || e[3].Path != "q.authorization.json" ||
		cert.Current() != f.Chain.HKNSO() {
		t.Errorf("%+v", cert)
	}
	check(t, cert.Under(f.Chain.HKNSO()))
	if e := must(certify(genuine))(t).Entries(); e[0].Path != "p.world.json" {
		t.Errorf("%s", e[0].Path)
	}
}

func second(_ *kmdata.Certificate, err error) error { return err }
