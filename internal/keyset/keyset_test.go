package keyset

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"testing"

	"byok/internal/keykind"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/statement"
)

// TestSet: both keys are sealed under the world secret of their cards alone, and are
// what the public halves say.
func TestSet(t *testing.T) {
	keys, err := New()
	if err != nil {
		t.Fatal(err)
	}
	issue, err := quorum.New(quorum.Quorum{K: 1, N: 1}, []string{"Ada"}, keys.HKNSO, true)
	if err != nil {
		t.Fatal(err)
	}
	defer issue.Wipe()
	knso, km, err := keys.Seal(issue.Secret, issue.Set)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := knso.Signer()
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := keykind.SPKIHash(signer); err != nil || sum != keys.HKNSO {
		t.Errorf("hknso is of another key: %v", err)
	}
	moduleKey, err := km.ModuleKey()
	if err != nil || moduleKey.N.BitLen() != statement.KMBits || moduleKey.E != 65537 {
		t.Errorf("KM: %v", err)
	}
	opens(t, issue, quorum.PurposeSealKNSO, knso, signer)
	opens(t, issue, quorum.PurposeSealKM, km, moduleKey)
	if _, err := quorum.Unseal(issue.Secret, issue.Set.Context(), quorum.PurposeSealKM, knso.Sealed); err == nil {
		t.Error("KNSO opens as KM")
	}
	keys.Wipe()
	if _, _, err := keys.Seal(issue.Secret, issue.Set); err == nil {
		t.Error("a wiped set is sealed")
	}
}

// opens unseals a private half, which must be that of the public one.
func opens(t *testing.T, i *quorum.Issue, p quorum.Purpose, sealed statement.SealedKey, public crypto.PublicKey) {
	t.Helper()
	der, err := quorum.Unseal(i.Secret, i.Set.Context(), p, sealed.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	defer der.Wipe()
	key, err := x509.ParsePKCS8PrivateKey(der.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if _, is := public.(*rsa.PublicKey); is != (p == quorum.PurposeSealKM) {
		t.Error("KM is the RSA key")
	}
	if !keykind.SamePublicKey(key.(crypto.Signer).Public(), public) {
		t.Error("another private half")
	}
}

// foreign is a key that no world has.
type foreign struct{ crypto.Signer }

// TestForeign: nothing is kept of a key that cannot be written.
func TestForeign(t *testing.T) {
	var private *secret.Bytes
	var public string
	if err := take(foreign{}, &private, &public); err == nil || private != nil || public != "" {
		t.Errorf("%v", err)
	}
}
