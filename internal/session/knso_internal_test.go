package session

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/keyset"
	"byok/internal/kmdata"
	"byok/internal/quorum"
	"byok/internal/secret"
)

// made is a card set with its keys, in memory.
type made struct {
	issue *quorum.Issue
	set   kmdata.Set
}

func make1(t *testing.T) made {
	t.Helper()
	keys, err := keyset.New()
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Wipe()
	issue, err := quorum.New(quorum.Quorum{K: 1, N: 1}, []string{"Ada"}, keys.HKNSO, true)
	if err != nil {
		t.Fatal(err)
	}
	m := made{issue: issue, set: kmdata.Set{Cards: issue.Set}}
	if m.set.KNSO, m.set.KM, err = keys.Seal(issue.Secret, issue.Set); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestKNSO(t *testing.T) {
	a, b := make1(t), make1(t)
	k, err := NewKNSO(a.issue.Secret, a.set)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := k.Sign([]byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	public, err := a.set.KNSO.Signer()
	if err != nil || keykind.VerifySignature(public, []byte("text"), sig) != nil {
		t.Errorf("the signature does not verify: %v", err)
	}
	sealedOf := func(change func(s *kmdata.Set)) kmdata.Set {
		set := a.set
		change(&set)
		return set
	}
	for _, c := range []struct {
		name   string
		secret *quorum.Secret
		set    kmdata.Set
		text   string
	}{
		{"other cards", b.issue.Secret, a.set, "the sealed private half of KNSO does not open with these cards"},
		{"KNSO of other cards", a.issue.Secret, sealedOf(func(s *kmdata.Set) { s.KNSO.Sealed = b.set.KNSO.Sealed }),
			"the sealed private half of KNSO does not open with these cards"},
		{"KM of other cards", a.issue.Secret, sealedOf(func(s *kmdata.Set) { s.KM.Sealed = b.set.KM.Sealed }),
			"the sealed private half of KM does not open with these cards"},
		{"KM in KNSO's place", a.issue.Secret, sealedOf(func(s *kmdata.Set) { s.KNSO.Sealed = s.KM.Sealed }),
			"the sealed private half of KNSO does not open with these cards"},
		{"another public half of KNSO", a.issue.Secret, sealedOf(func(s *kmdata.Set) { s.KNSO.PublicKey = b.set.KNSO.PublicKey }),
			"the sealed private half of KNSO does not match the public half in the statement"},
		{"another public half of KM", a.issue.Secret, sealedOf(func(s *kmdata.Set) { s.KM.PublicKey = b.set.KM.PublicKey }),
			"the sealed private half of KM does not match the public half in the statement"},
		{"no public half of KNSO", a.issue.Secret, sealedOf(func(s *kmdata.Set) { s.KNSO.PublicKey = "" }),
			"public key: not a PEM block"},
		{"no public half of KM", a.issue.Secret, sealedOf(func(s *kmdata.Set) { s.KM.PublicKey = "" }),
			"public key: not a PEM block"},
	} {
		if _, err := NewKNSO(c.secret, c.set); err == nil || err.Error() != c.text {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestSealedWrongKey: what is sealed in KNSO's place is not KNSO.
func TestSealedWrongKey(t *testing.T) {
	a := make1(t)
	km, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	clearText, err := x509.MarshalPKCS8PrivateKey(km)
	if err != nil {
		t.Fatal(err)
	}
	der := secret.Take(clearText)
	defer der.Wipe()
	if a.set.KNSO.Sealed, err = quorum.Seal(a.issue.Secret, a.issue.Set.Context(), quorum.PurposeSealKNSO, der); err != nil {
		t.Fatal(err)
	}
	const text = "the sealed private half of KNSO does not match the public half in the statement"
	if _, err := NewKNSO(a.issue.Secret, a.set); err == nil || err.Error() != text || exitcode.Of(err) != exitcode.Check {
		t.Errorf("%v", err)
	}
}

// TestReseal gives the AES key of a backup to a session's key, and one answer
// to everything that is not a backup.
func TestReseal(t *testing.T) {
	a := make1(t)
	k, err := NewKNSO(a.issue.Secret, a.set)
	if err != nil {
		t.Fatal(err)
	}
	km, err := a.set.KM.ModuleKey()
	if err != nil {
		t.Fatal(err)
	}
	session, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	seal := func(hash crypto.Hash, key []byte) []byte {
		h := sha1.New()
		if hash == crypto.SHA256 {
			h = sha256.New()
		}
		part, err := rsa.EncryptOAEP(h, rand.Reader, km, key, nil)
		if err != nil {
			t.Fatal(err)
		}
		return part
	}
	aes := make([]byte, 32)
	aes[5] = 5
	sealed, err := k.reseal(seal(crypto.SHA1, aes))(&session.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	got, err := session.Decrypt(nil, sealed, &rsa.OAEPOptions{Hash: crypto.SHA1})
	if err != nil || !slices.Equal(got, aes) {
		t.Errorf("%x %v", got, err)
	}
	for _, c := range []struct {
		name string
		part []byte
	}{
		{"random bytes", make([]byte, 384)},
		{"too short", make([]byte, 12)},
		{"nothing", nil},
		{"another hash", seal(crypto.SHA256, aes)},
		{"31 bytes", seal(crypto.SHA1, aes[:31])},
		{"33 bytes", seal(crypto.SHA1, make([]byte, 33))},
		{"16 bytes", seal(crypto.SHA1, aes[:16])},
		{"0 bytes", seal(crypto.SHA1, nil)},
	} {
		_, err := k.reseal(c.part)(&session.PublicKey)
		if err == nil || err.Error() != "the backup does not open with these cards" || exitcode.Of(err) != exitcode.Check {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
