package statement_test

import (
	"crypto/rsa"
	"encoding/hex"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/statement"
)

func TestOriginText(t *testing.T) {
	for want, got := range map[string]string{
		"quorum: generated with the card holders present":            statement.OriginText(statement.OriginQuorum, false),
		"quorum: generated with the card holders present (restored)": statement.OriginText(statement.OriginQuorum, true),
		"unproved: the operator may know its value":                  statement.OriginText("anything", false),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestToken(t *testing.T) {
	token := statement.Token{Manufacturer: "Example", Model: "HSM", Serial: "7", Label: "a", Firmware: "1"}
	without := token
	without.Serial = ""
	for name, c := range map[string]struct {
		a, b statement.Token
		same bool
	}{
		"same": {token, token, true},
		"label and firmware": {token,
			statement.Token{Manufacturer: "Example", Model: "HSM", Serial: "7", Label: "b"}, true},
		"serial": {token,
			statement.Token{Manufacturer: "Example", Model: "HSM", Serial: "8", Label: "a"}, false},
		"model":                  {token, statement.Token{Manufacturer: "Example", Model: "HSM 2", Serial: "7"}, false},
		"manufacturer":           {token, statement.Token{Manufacturer: "Exempel", Model: "HSM", Serial: "7"}, false},
		"without serials":        {without, without, true},
		"without serials, label": {without, statement.Token{Manufacturer: "Example", Model: "HSM", Label: "b"}, false},
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
	pair := example(t, originRSA).(*statement.Origin).Identity
	aes := example(t, originAES).(*statement.Origin).Identity
	public, ok := pair.Public().(*rsa.PublicKey)
	if !ok || must(pair.Fingerprint())(t) != must(keykind.SPKIHash(public))(t) || pair.CheckBytes() != nil {
		t.Errorf("%+v", pair)
	}
	if aes.Public() != nil || hex.EncodeToString(aes.CheckBytes()) != aes.CheckValue || aes.String() != "AES-256" {
		t.Errorf("%+v", aes)
	}
	_, err := aes.Fingerprint()
	refused(t, err, exitcode.Failed, "an AES key has no public half")
	changed := aes
	changed.CheckValue = strings.Repeat("0", 32)
	if pair.Same(aes) || aes.Same(changed) || !aes.Same(aes) {
		t.Error("Same")
	}
	if got := (statement.Identity{KeyType: "DES"}).String(); got != "DES" {
		t.Errorf("%s", got)
	}
	_, err = statement.IdentityOf(struct{}{}, 0, nil)
	if err == nil {
		t.Error("a public key of no kind")
	}
}

func TestSealedKey(t *testing.T) {
	w := example(t, worldFile).(*statement.World)
	if sum := must(w.KNSO.Hash())(t); sum != w.HKNSO || sum != must(keykind.SPKIHash(must(w.KNSO.Signer())(t)))(t) {
		t.Errorf("%v", sum)
	}
	if km := must(w.KM.ModuleKey())(t); !km.Equal(&world(t).Sets[0].KM.PublicKey) {
		t.Error("another KM")
	}
	_, err := statement.SealedKey{}.Hash()
	refused(t, err, exitcode.Failed, "public key: not a PEM block")
	_, err = w.KM.Signer()
	refused(t, err, exitcode.Failed, "expected an EC P-256 key")
	_, err = w.KNSO.ModuleKey()
	refused(t, err, exitcode.Failed, "expected RSA-3072 with exponent 65537")
}

func TestKMLHash(t *testing.T) {
	m := example(t, moduleA).(*statement.Module)
	if sum := must(m.KMLHash())(t); sum != world(t).KML[m.Module].Sum() {
		t.Errorf("%v", sum)
	}
	m.KML = ""
	_, err := m.KMLHash()
	refused(t, err, exitcode.Failed, "public key: not a PEM block")
}

func TestNewHKNSO(t *testing.T) {
	if c := example(t, cards).(*statement.Cards); c.NewHKNSO() != world(t).Sets[1].KNSO.Sum() {
		t.Errorf("%v", c.NewHKNSO())
	}
}

// A guard is weaker than those before it in the list, and never than itself.
func TestWeaker(t *testing.T) {
	for i, g := range statement.Guards() {
		for j, o := range statement.Guards() {
			if g.Weaker(o) != (i > j) {
				t.Errorf("%s, %s: %t", g, o, i <= j)
			}
		}
	}
}

func TestContinues(t *testing.T) {
	three := statement.LogHead{Lines: 3, SHA256: fingerprint.Of([]byte("line"))}
	for _, c := range []struct {
		name string
		next statement.LogHead
		want bool
	}{
		{"the same", three, true},
		{"longer", statement.LogHead{Lines: 4}, true},
		{"shorter", statement.LogHead{Lines: 2, SHA256: fingerprint.Of([]byte("line"))}, false},
		{"rewritten", statement.LogHead{Lines: 3}, false},
	} {
		if c.next.Continues(three) != c.want {
			t.Errorf("%s: %t", c.name, !c.want)
		}
	}
}
