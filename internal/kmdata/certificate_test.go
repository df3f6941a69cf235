package kmdata_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/strictjson"
	"byok/internal/testkit/softworld"
)

func numbers(entries []kmdata.Entry) (list []int) {
	for _, e := range entries {
		list = append(list, e.Number())
	}
	return list
}

func TestCertificate(t *testing.T) {
	f := copied(t)
	cert := must(f.Chain.Certificate(newApproval))(t)
	if got := numbers(cert.Entries()); !slices.Equal(got, []int{worldFile, cards, moduleA2, newApproval}) {
		t.Errorf("%v", got)
	}
	e, a := cert.Authorization()
	if e.Number() != newApproval || a.Pairs[0].Ident != "ec" || cert.Module().Number != moduleA2 {
		t.Errorf("%v, %+v", e, cert.Module())
	}
	if cert.First() != f.Chain.FirstHKNSO() || cert.Current() != f.Chain.HKNSO() || cert.World().Label != "Contoso" {
		t.Errorf("%v, %v", cert.First(), cert.Current())
	}
	// The certificate as of its authorization: a later statement of the module is not in it.
	w := f.reopened()
	must(w.Restate(f.a))(t)
	again := must(w.Chain.Certificate(newApproval))(t)
	if got := numbers(again.Entries()); !slices.Equal(got, []int{worldFile, cards, moduleA2, newApproval}) {
		t.Errorf("%v", got)
	}
}

func TestCertificateRefuses(t *testing.T) {
	f := world(t)
	_, err := f.Chain.Certificate(seal)
	refused(t, noFolder, err, exitcode.Check, "statement 7 is not an authorization of this world")
	_, err = f.Chain.Certificate(approval)
	refused(t, noFolder, err, exitcode.Refused,
		"statement 6 (authorization) was signed by cards that statement 8 has replaced")
}

// carried are the files of a certificate as a stranger gets them.
type carried struct {
	world         kmdata.File
	cards         []kmdata.File
	module        kmdata.File
	authorization kmdata.File
}

func (f *fixture) carried(t testing.TB) carried {
	t.Helper()
	var c carried
	for i, e := range must(f.Chain.Certificate(newApproval))(t).Entries() {
		file := e.File
		file.Path = []string{"p.world.json", "p.cards-2.json", "p.module.json", "p.authorization.json"}[i]
		file.Data, file.Signature, file.Second = bytes.Clone(file.Data), bytes.Clone(file.Signature), bytes.Clone(file.Second)
		switch i {
		case 0:
			c.world = file
		case 1:
			c.cards = append(c.cards, file)
		case 2:
			c.module = file
		case 3:
			c.authorization = file
		}
	}
	return c
}

func (c carried) certify() (*kmdata.Certificate, error) {
	return new(kmdata.Certifier).Certify(c.world, c.cards, c.module, c.authorization)
}

// resigned changes a statement of a certificate and signs it.
func resigned(t testing.TB, file *kmdata.File, signer kmdata.Signer, change func(statement.Statement)) {
	t.Helper()
	s := must(statement.Parse(file.Path, file.Data))(t)
	change(s)
	file.Data = must(strictjson.Marshal(s))(t)
	file.Signature = must(signer.Sign(file.Data))(t)
}

func TestCertify(t *testing.T) {
	f := world(t)
	cert := must(f.carried(t).certify())(t)
	for name, c := range map[string]struct {
		hknso fingerprint.Sum
		ok    bool
	}{
		"first":   {f.Sets[0].KNSO.Sum(), true},
		"current": {f.Sets[1].KNSO.Sum(), true},
		"none":    {fingerprint.Sum{}, false},
		"other":   {ones, false},
	} {
		err := cert.Under(c.hknso)
		if c.ok {
			check(t, err)
			continue
		}
		t.Run(name, func(t *testing.T) {
			refused(t, noFolder, err, exitcode.Check,
				"p.world.json: the world's hknso is not the one named: it is another world, or its cards were replaced since")
		})
	}
}

var certificateAttacks = []struct {
	name   string
	attack func(t testing.TB, f *fixture, c *carried)
	want   string
}{
	{"world altered", func(_ testing.TB, _ *fixture, c *carried) {
		c.world.Data = bytes.Replace(c.world.Data, []byte("Contoso"), []byte("Fabrikam"), 1)
	}, "p.world.json: the signature p.world.sig" + notSigned},
	{"a seal as the world", func(_ testing.TB, f *fixture, c *carried) {
		c.world.Data = f.Chain.Entries()[seal-1].Data
	}, `p.world.json: type is "byok-seal", expected "byok-world"`},
	{"cards left out", func(_ testing.TB, _ *fixture, c *carried) { c.cards = nil },
		"p.module.json: it was signed for hknso NEW, and OLD is in force"},
	{"cards twice", func(_ testing.TB, _ *fixture, c *carried) { c.cards = append(c.cards, c.cards[0]) },
		"p.cards-2.json: statement 8 is there already"},
	{"cards signed by the new KNSO alone", func(_ testing.TB, _ *fixture, c *carried) {
		c.cards[0].Signature = c.cards[0].Second
	}, "p.cards-2.json: the signature p.cards-2.sig" + notSigned},
	{"cards signed by the old KNSO alone", func(_ testing.TB, _ *fixture, c *carried) {
		c.cards[0].Second = c.cards[0].Signature
	}, "p.cards-2.json: the signature p.cards-2.new.sig" + notSigned},
	{"cards of a forger", func(t testing.TB, f *fixture, c *carried) {
		forged := must(softworld.NewSigner())(t)
		resigned(t, &c.cards[0], forged, func(s statement.Statement) {
			cards := s.(*statement.Cards)
			cards.KNSO.PublicKey, cards.Cards.HKNSO = forged.Text(), forged.Sum()
		})
		c.cards[0].Second = must(forged.Sign(c.cards[0].Data))(t)
	}, "p.cards-2.json: the signature p.cards-2.sig" + notSigned},
	{"module of the first card set", func(_ testing.TB, f *fixture, c *carried) {
		e := f.Chain.Entries()[moduleA-1]
		c.module.Data, c.module.Signature = e.Data, e.Signature
	}, "p.module.json: statement 2 is there already"},
	{"another module", func(t testing.TB, f *fixture, c *carried) {
		resigned(t, &c.module, f.Sets[1].KNSO, func(s statement.Statement) { s.(*statement.Module).Module = f.b })
	}, "p.authorization.json: field module: no statement of this world names the module \"A\""},
	{"module signed by KML", func(t testing.TB, f *fixture, c *carried) {
		c.module.Signature = must(f.KML[f.a].Sign(c.module.Data))(t)
	}, "p.module.json: the signature p.module.sig" + notSigned},
	{"module with another KML", func(t testing.TB, f *fixture, c *carried) {
		resigned(t, &c.module, f.Sets[1].KNSO, func(s statement.Statement) { s.(*statement.Module).KML = f.KML[f.b].Text() })
	}, "p.authorization.json: field kml_sha256 is not that of the KML in statement 9"},
	{"module struck off", func(t testing.TB, f *fixture, c *carried) {
		resigned(t, &c.module, f.Sets[1].KNSO, func(s statement.Statement) {
			m := s.(*statement.Module)
			m.KML, m.StruckOff = "", "gone"
		})
	}, "p.module.json: field module: no statement of this world names the module A"},
	{"module of a weaker guard", func(t testing.TB, f *fixture, c *carried) {
		resigned(t, &c.module, f.Sets[1].KNSO, func(s statement.Statement) {
			s.(*statement.Module).Guard = statement.GuardTrustByTool
		})
	}, "p.module.json: field guard: trust-by-tool is weaker than the world's, trust"},
	{"authorization by the former cards", func(_ testing.TB, f *fixture, c *carried) {
		e := f.Chain.Entries()[approval-1]
		c.authorization.Data, c.authorization.Signature = e.Data, e.Signature
	}, "p.authorization.json: statement 6 is there already"},
	{"authorization by the former cards, with a new number", func(t testing.TB, f *fixture, c *carried) {
		c.authorization.Data = f.Chain.Entries()[approval-1].Data
		resigned(t, &c.authorization, f.Sets[0].KNSO, func(s statement.Statement) {
			s.(*statement.Authorization).Number = 11
		})
	}, "p.authorization.json: it was signed for hknso OLD, and NEW is in force"},
	{"authorization by KML", func(t testing.TB, f *fixture, c *carried) {
		resigned(t, &c.authorization, f.KML[f.a], func(s statement.Statement) {
			s.(*statement.Authorization).Pairs[0].Target.Name = "other"
		})
	}, "p.authorization.json: the signature p.authorization.sig" + notSigned},
	{"authorization of another guard", func(t testing.TB, f *fixture, c *carried) {
		resigned(t, &c.authorization, f.Sets[1].KNSO, func(s statement.Statement) {
			s.(*statement.Authorization).Guard = statement.GuardTrustByTool
		})
	}, "p.authorization.json: field guard: statement 9 says trust of the module"},
	{"authorization of a rehearsal", func(t testing.TB, f *fixture, c *carried) {
		resigned(t, &c.authorization, f.Sets[1].KNSO, func(s statement.Statement) {
			a := s.(*statement.Authorization)
			vault := "https://localhost:8443"
			a.Rehearsal, a.Pairs[0].Target.Vault = true, vault
			a.Pairs[0].KEK.KID.Vault, a.Pairs[0].KEK.Said.KID.Vault = vault, vault
		})
	}, "p.authorization.json: its rehearsal mark is not the world's"},
	{"authorization for KM", func(t testing.TB, f *fixture, c *carried) {
		resigned(t, &c.authorization, f.Sets[1].KNSO, breaking("an earlier KM as KEK"))
	}, "p.authorization.json: pair 1: field kek: it is KM of card set 1"},
}

func TestCertifyRefuses(t *testing.T) {
	f := world(t)
	for _, a := range certificateAttacks {
		t.Run(a.name, func(t *testing.T) {
			c := f.carried(t)
			a.attack(t, f, &c)
			_, err := c.certify()
			want := strings.NewReplacer(
				"OLD", f.Sets[0].KNSO.Sum().String()[:8], "NEW", f.Sets[1].KNSO.Sum().String()[:8], `"A"`, fmt.Sprintf("%q", f.a),
			).Replace(a.want)
			refused(t, noFolder, err, exitcode.Check, strings.Replace(want, "module A", "module "+f.a, 1))
		})
	}
}

// breaking is the change of the content rule with that name.
func breaking(name string) func(statement.Statement) {
	for _, r := range authorizationRules {
		if r.name == name {
			return r.change
		}
	}
	panic(name)
}

// Statements that follow one another directly are linked in a certificate too.
func TestCertifyLinks(t *testing.T) {
	f := world(t)
	c := f.carried(t)
	resigned(t, &c.module, f.Sets[1].KNSO, func(s statement.Statement) { header(s).Previous = ones })
	_, err := c.certify()
	refused(t, noFolder, err, exitcode.Check,
		"p.module.json: it does not follow statement 8"+otherCopy)
}
