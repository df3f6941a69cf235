package proof

import (
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/statement"
)

// approved is the pair that a proof in testdata is about.
func approved(t *testing.T, p Proof) statement.Pair {
	t.Helper()
	pair := statement.Pair{Approval: statement.Approval{
		Identity: statement.Identity{KeyType: keykind.AES, Bits: 256, CheckValue: p.CheckValue},
		Target:   statement.Target{Vault: p.KID.Vault, Name: "Contoso"},
	}}
	if p.CheckValue == "" {
		public, err := keykind.ParsePublicKey(p.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		if pair.Identity, err = statement.IdentityOf(public, 0, nil); err != nil {
			t.Fatal(err)
		}
	}
	return pair
}

func TestCheck(t *testing.T) {
	sum := fingerprint.Of([]byte("authorization"))
	for _, c := range []struct {
		name, vector string
		change       func(*Proof, *statement.Pair)
		want         string
	}{
		{"signed", "RSA", func(*Proof, *statement.Pair) {}, ""},
		{"on a curve", "P-384", func(*Proof, *statement.Pair) {}, ""},
		{"check value", "check-value", func(*Proof, *statement.Pair) {}, ""},
		{"another name", "RSA", func(_ *Proof, a *statement.Pair) { a.Target.Name = "payroll" },
			"it is about https://contoso.vault.azure.net/keys/contoso/" + version1 +
				", and payroll in https://contoso.vault.azure.net was approved"},
		{"another vault", "RSA", func(_ *Proof, a *statement.Pair) { a.Target.Vault = "https://other.vault.azure.net" },
			"it is about https://contoso.vault.azure.net/keys/contoso/" + version1 +
				", and Contoso in https://other.vault.azure.net was approved"},
		{"another key", "P-256", func(_ *Proof, a *statement.Pair) { a.PublicKey = "another" },
			"it is about another public key than the one that was approved"},
		{"another AES key", "check-value", func(_ *Proof, a *statement.Pair) { a.CheckValue = "00" },
			"it is about another check value than the one that was approved"},
		{"another authorization", "P-256", func(p *Proof, _ *statement.Pair) { p.Challenge = "" },
			"its challenge is for another authorization"},
		{"altered signature", "P-256", func(p *Proof, _ *statement.Pair) { p.Signature[9] ^= 1 },
			"the signature does not belong to this content and this public key"},
	} {
		p := vector(t, c.vector)
		pair := approved(t, p)
		c.change(&p, &pair)
		err := p.Check(pair, sum)
		if c.want != "" {
			refused(t, err, exitcode.Check, c.want)
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestSignedAndAuthorization: what an AES key's proof lacks.
func TestSignedAndAuthorization(t *testing.T) {
	rsa, aes := vector(t, "RSA"), vector(t, "check-value")
	if !rsa.Signed() || rsa.Authorization() != fingerprint.Of([]byte("authorization")) {
		t.Errorf("%+v", rsa)
	}
	if aes.Signed() || !aes.Authorization().IsZero() {
		t.Errorf("%+v", aes)
	}
}
