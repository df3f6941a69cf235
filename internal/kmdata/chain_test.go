package kmdata_test

import (
	"crypto/ecdsa"
	"encoding/hex"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/kmdata"
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
		key           kmdata.Identity
		want          string
	}{
		"as stated":      {"ec", f.a, o.Identity, kmdata.OriginQuorum},
		"another ident":  {"rsa", f.a, o.Identity, kmdata.OriginUnproved},
		"no ident":       {"none", f.a, o.Identity, kmdata.OriginUnproved},
		"another module": {"ec", f.b, o.Identity, kmdata.OriginUnproved},
		"another key":    {"ec", f.a, other, kmdata.OriginUnproved},
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
		key         kmdata.Identity
		want        string
	}{
		{"as stated", "ec", o.Identity, kmdata.OriginQuorum},
		{"another ident", "rsa", o.Identity, kmdata.OriginUnproved},
		{"another key", "ec", other, kmdata.OriginUnproved},
	} {
		if origin := f.Chain.OriginOfRestored(c.ident, c.key); origin != c.want {
			t.Errorf("%s: %s", c.name, origin)
		}
	}
}

func TestOriginText(t *testing.T) {
	for want, got := range map[string]string{
		"quorum: generated before the card holders":            kmdata.OriginText(kmdata.OriginQuorum, false),
		"quorum: generated before the card holders (restored)": kmdata.OriginText(kmdata.OriginQuorum, true),
		"unproved: the operator may know its value":            kmdata.OriginText("anything", false),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestToken(t *testing.T) {
	token := kmdata.Token{Manufacturer: "Example", Model: "HSM", Serial: "7", Label: "a", Firmware: "1"}
	without := token
	without.Serial = ""
	for name, c := range map[string]struct {
		a, b kmdata.Token
		same bool
	}{
		"same": {token, token, true},
		"label and firmware": {token,
			kmdata.Token{Manufacturer: "Example", Model: "HSM", Serial: "7", Label: "b"}, true},
		"serial": {token,
			kmdata.Token{Manufacturer: "Example", Model: "HSM", Serial: "8", Label: "a"}, false},
		"model":                  {token, kmdata.Token{Manufacturer: "Example", Model: "HSM 2", Serial: "7"}, false},
		"manufacturer":           {token, kmdata.Token{Manufacturer: "Exempel", Model: "HSM", Serial: "7"}, false},
		"without serials":        {without, without, true},
		"without serials, label": {without, kmdata.Token{Manufacturer: "Example", Model: "HSM", Label: "b"}, false},
		"one without serial":     {token, without, false},
	} {
		if c.a.Same(c.b) != c.same {
			t.Errorf("%s: %t", name, !c.same)
		}
	}
	if token.String() != "Example HSM, serial 7" || without.String() != `Example HSM, label "a", without a serial` {
		t.Errorf("%v; %v", token, without)
	}
}

func TestIdentity(t *testing.T) {
	c := world(t).Chain
	ec, aes := must(c.Key("ec"))(t).Identity, must(c.Key("aes"))(t).Identity
	public, ok := ec.Public().(*ecdsa.PublicKey)
	if !ok || must(ec.Fingerprint())(t) != must(keykind.SPKIHash(public))(t) || ec.CheckBytes() != nil {
		t.Errorf("%+v", ec)
	}
	if aes.Public() != nil || hex.EncodeToString(aes.CheckBytes()) != aes.CheckValue || aes.String() != "AES-256" {
		t.Errorf("%+v", aes)
	}
	_, err := aes.Fingerprint()
	refused(t, noFolder, err, exitcode.Failed, "an AES key has no public half")
	changed := aes
	changed.CheckValue = strings.Repeat("0", 32)
	if ec.Same(aes) || aes.Same(changed) || !aes.Same(aes) {
		t.Error("Same")
	}
	if got := (kmdata.Identity{KeyType: "DES"}).String(); got != "DES" {
		t.Errorf("%s", got)
	}
	_, err = kmdata.IdentityOf(struct{}{}, 0, nil)
	if err == nil {
		t.Error("a public key of no kind")
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
		"byok-kml-00":                        kmdata.KMLLabel("00"),
		"byok-km-00-2":                       kmdata.KMLabel("00", 2),
		"byok-kw-00-2":                       kmdata.KWLabel("00", 2),
		world(t).Dir + "/local/key_simple_x": world(t).Chain.KeyPath("x"),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for label, want := range map[string]string{
		"":                      `label "": 1 to 32 bytes of text are expected`,
		strings.Repeat("a", 33): `label "` + strings.Repeat("a", 33) + `": 1 to 32 bytes of text are expected`,
		"a\x1b[31m":             `label "a\x1b[31m": only printable characters are allowed`,
		"\xff":                  `label "\xff": 1 to 32 bytes of text are expected`,
	} {
		refused(t, noFolder, kmdata.CheckLabel(label), exitcode.Usage, want)
	}
}
