package kmdata_test

import (
	"testing"

	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/statement"
)

func TestChain(t *testing.T) {
	f := world(t)
	c := f.Chain
	if c.Dir() != f.Dir || c.World().Label != "Contoso" || c.Rehearsal() || len(c.Entries()) != lastSeal {
		t.Errorf("%+v", c.World())
	}
	if c.FirstHKNSO() != f.Sets[0].KNSO.Sum() || c.HKNSO() != f.Sets[1].KNSO.Sum() {
		t.Error("hknso")
	}
	sets := c.Sets()
	if len(sets) != 2 || sets[0].Since() != 1 || sets[1].Since() != cards || len(sets[1].PINs) != 2 {
		t.Errorf("%+v", sets)
	}
	if list := c.Modules(); len(list) != 2 || list[0].Number != moduleA2 || list[1].Number != moduleB {
		t.Errorf("%+v", list)
	}
	if list := c.Behind(); len(list) != 1 || list[0].Module != f.b {
		t.Errorf("%+v", list)
	}
	heads := c.Heads()
	if len(heads) != lastSeal || heads[0] != (kmdata.Head{Statement: 1, Log: c.World().Log}) {
		t.Errorf("%+v", heads)
	}
	m := must(c.Module(f.a))(t)
	if sum := must(m.KMLHash())(t); sum != f.KML[f.a].Sum() {
		t.Errorf("KML %v", sum)
	}
	_, err := c.Module("none")
	refused(t, noFolder, err, exitcode.Check, `no statement of this world names the module "none"`)
}

func TestAuthorization(t *testing.T) {
	f := world(t)
	e, a, err := f.Chain.Authorization(approval)
	check(t, err)
	if e.String() != "statement 6 (authorization)" || len(a.Pairs) != 2 || a.Pairs[1].Ident != "aes" {
		t.Errorf("%v: %+v", e, a)
	}
	_, _, err = f.Chain.Authorization(seal)
	refused(t, noFolder, err, exitcode.Check, "statement 7 is not an authorization of this world")
}

func TestOriginOf(t *testing.T) {
	f := world(t)
	o, found := f.Chain.Origin("ec")
	if !found || o.Number != originEC {
		t.Fatalf("%+v, %t", o, found)
	}
	other := o.Identity
	other.PublicKey = must(f.Chain.Key("rsa"))(t).PublicKey
	for name, c := range map[string]struct {
		ident, module string
		key           statement.Identity
		want          string
	}{
		"as stated":      {"ec", f.a, o.Identity, statement.OriginQuorum},
		"another ident":  {"rsa", f.a, o.Identity, statement.OriginUnproved},
		"no ident":       {"none", f.a, o.Identity, statement.OriginUnproved},
		"another module": {"ec", f.b, o.Identity, statement.OriginUnproved},
		"another key":    {"ec", f.a, other, statement.OriginUnproved},
	} {
		if origin, restored := f.Chain.OriginOf(c.ident, c.key, c.module); origin != c.want || restored {
			t.Errorf("%s: %s, %t", name, origin, restored)
		}
	}
}

func TestOriginOfRestored(t *testing.T) {
	f := world(t)
	o, _ := f.Chain.Origin("ec")
	other := o.Identity
	other.PublicKey = must(f.Chain.Key("rsa"))(t).PublicKey
	for _, c := range []struct {
		name, ident string
		key         statement.Identity
		want        string
	}{
		{"as stated", "ec", o.Identity, statement.OriginQuorum},
		{"another ident", "rsa", o.Identity, statement.OriginUnproved},
		{"another key", "ec", other, statement.OriginUnproved},
	} {
		if origin := f.Chain.OriginOfRestored(c.ident, c.key); origin != c.want {
			t.Errorf("%s: %s", c.name, origin)
		}
	}
}

func TestNames(t *testing.T) {
	for want, got := range map[string]string{
		"dir/local/world":                    kmdata.WorldPath("dir"),
		"dir/local/world.sig":                kmdata.SignaturePath(kmdata.WorldPath("dir")),
		"dir/local/statements/000002-x.sig":  kmdata.SignaturePath("dir/local/statements/000002-x.json"),
		"x.new.sig":                          kmdata.SecondPath("x.json"),
		"key_simple_x":                       kmdata.KeyName(kmdata.Simple, "x"),
		"key_xferacld_x_000007-3":            kmdata.TransferName("x", 7, 3),
		"retired_key_simple_x":               kmdata.RetiredName("x"),
		world(t).Dir + "/local/key_simple_x": world(t).Chain.KeyPath("x"),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
