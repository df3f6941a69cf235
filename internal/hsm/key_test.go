package hsm

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/secret"
	"byok/internal/transfer"
)

// TestEveryKeyType takes each kind of key through its life on the token, and
// has openssl judge it: its signatures, its check value, its backup under the
// module key, and the blob for a vault whose KEK openssl made.
func TestEveryKeyType(t *testing.T) {
	m, token := world(t)
	kek := newKEK(t, 3072)
	trust(t, m, token, kek)
	u := asUser(t, m, token)
	all := specs()
	all["rsa-3072"], all["rsa-4096"] = KeySpec{Type: "RSA", Bits: 3072}, KeySpec{Type: "RSA", Bits: 4096}
	for name, spec := range all {
		t.Run(name, func(t *testing.T) {
			key := generate(t, u, name, spec)
			if key.Secret != spec.Secret() || (key.Public == nil) != spec.Secret() || key.Label != name {
				t.Fatalf("found %+v", key)
			}
			if err := u.ProbeKey(key); err != nil {
				t.Error(err)
			}
			backedUp(t, u, key, spec)
			travels(t, u, key, spec, kek)
		})
	}
}

// backedUp judges the backup under the module key.
func backedUp(t *testing.T, u *User, key Key, spec KeySpec) {
	t.Helper()
	blob := must[[]byte](t)(u.Backup("km", key))
	if again := must[[]byte](t)(u.Backup("km", key)); !bytes.Equal(again, blob) {
		t.Error("two backups of one key differ")
	}
	judge(t, u, key, spec, unwrapped(t, unhex(kmHex), blob))
	restored(t, u, key, spec, blob)
}

// travels judges the transfer copy and the vault's blob.
func travels(t *testing.T, u *User, key Key, spec KeySpec, kek kek) {
	t.Helper()
	reduced := must[Key](t)(u.Reduce(key, key.Label+"-copy"))
	if err := u.ProbeCopy(reduced); err != nil {
		t.Error(err)
	}
	blob := must[[]byte](t)(u.ForVault("kek", "transfer", reduced))
	judge(t, u, key, spec, kek.open(t, blob))
	if n, err := u.DestroyLabelled(reduced.Label); n != 1 || err != nil {
		t.Errorf("destroyed %d, %v", n, err)
	}
	if err := u.ProbeKey(key); err != nil {
		t.Errorf("the original afterwards: %v", err)
	}
}

// judge compares the key in clear with what the token shows of it.
func judge(t *testing.T, u *User, key Key, spec KeySpec, clear []byte) {
	t.Helper()
	if key.Secret {
		judgeAES(t, must[[]byte](t)(u.CheckValue(key)), spec, clear)
		return
	}
	pem := must[string](t)(transfer.MarshalPublicKey(key.Public))
	if got := string(openssl(t, "pkey", "-inform", "DER", "-in", write(t, clear), "-pubout")); got != pem {
		t.Errorf("the blob holds another key than the token shows: openssl reads\n%s, the token shows\n%s", got, pem)
	}
	judgeSize(t, key, spec)
	message := []byte("a manifest")
	sig := must[[]byte](t)(u.Sign(key, message))
	if out := string(openssl(t, "dgst", "-sha256", "-verify", write(t, []byte(pem)), "-signature", write(t, sig), write(t, message))); out != "Verified OK\n" {
		t.Errorf("openssl says %q of the signature", out)
	}
}

func judgeSize(t *testing.T, key Key, spec KeySpec) {
	t.Helper()
	switch public := key.Public.(type) {
	case *rsa.PublicKey:
		if exponent := max(int(spec.Exponent), 3); public.N.BitLen() != spec.Bits || public.E != exponent && public.E != 65537 || spec.Exponent != 0 && public.E != exponent {
			t.Errorf("RSA of %d bits, exponent %d", public.N.BitLen(), public.E)
		}
	case *ecdsa.PublicKey:
		if name := must[string](t)(transfer.CurveName(public)); name != spec.Curve {
			t.Errorf("curve %s", name)
		}
	}
}

func judgeAES(t *testing.T, checkValue []byte, spec KeySpec, clear []byte) {
	t.Helper()
	if len(clear) != spec.Bits/8 {
		t.Fatalf("%d bytes of AES-%d", len(clear), spec.Bits)
	}
	zero := write(t, make([]byte, 16))
	want := openssl(t, "enc", fmt.Sprintf("-aes-%d-ecb", spec.Bits), "-nopad", "-K", hex.EncodeToString(clear), "-in", zero)
	if !bytes.Equal(checkValue, want) {
		t.Errorf("check value %x, openssl gives %x", checkValue, want)
	}
}

// restored brings the key back from its blob, as recovery does. It must be
// the same key, as well kept as before; only the token's word for its origin is gone.
func restored(t *testing.T, u *User, key Key, spec KeySpec, blob []byte) {
	t.Helper()
	label := key.Label + "-restored"
	if err := u.Restore(label, key.Public, secret.Take(unhex(kmHex)), blob); err != nil {
		t.Fatal(err)
	}
	again := must[Key](t)(u.FindKey(label))
	if err := u.ProbeKey(again); err != nil {
		t.Error(err)
	}
	if same := must[[]byte](t)(u.Backup("km", again)); !bytes.Equal(same, blob) {
		t.Error("the backup of the restored key is another")
	}
	judge(t, u, again, spec, unwrapped(t, unhex(kmHex), blob))
	before := slices.DeleteFunc(must[[]string](t)(u.Permissions(key)), func(p string) bool { return p == "LOCAL" || p == "ALWAYS_SENSITIVE" })
	if now := must[[]string](t)(u.Permissions(again)); !slices.Equal(now, before) {
		t.Errorf("restored with %q, was %q", now, before)
	}
	if _, err := u.DestroyLabelled(label); err != nil {
		t.Error(err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	m, token := world(t)
	u := asUser(t, m, token)
	key := generate(t, u, "ec", KeySpec{Type: "EC", Curve: "P-256"})
	blob := must[[]byte](t)(u.Backup("km", key))
	spoilt := bytes.Clone(blob)
	spoilt[9] ^= 1
	for _, c := range []struct {
		public   crypto.PublicKey
		km, blob []byte
		want     failure
	}{
		{key.Public, random(32), blob, failure{"C_UnwrapKey of new: CKR_GENERAL_ERROR", exitcode.HSM, ""}}, // SoftHSM's word for it
		{key.Public, unhex(kmHex), spoilt, failure{"C_UnwrapKey of new: CKR_GENERAL_ERROR", exitcode.HSM, ""}},
		{"public", unhex(kmHex), blob, failure{"a key of type string cannot be restored", exitcode.Usage, ""}},
	} {
		expect(t, u.Restore("new", c.public, secret.Take(c.km), c.blob), c.want)
	}
	if labels := must[[]string](t)(u.Labels()); slices.Contains(labels, "new") {
		t.Errorf("left on the token: %q", labels)
	}
}

func TestPermissions(t *testing.T) {
	m, token := world(t)
	u := asUser(t, m, token)
	for name, c := range map[string]struct {
		spec             KeySpec
		original, copied string
	}{
		"rsa": {KeySpec{Type: "RSA", Bits: 2048}, "ALWAYS_SENSITIVE DECRYPT EXTRACTABLE LOCAL MODIFIABLE SENSITIVE SIGN WRAP_WITH_TRUSTED", "ALWAYS_SENSITIVE EXTRACTABLE LOCAL SENSITIVE WRAP_WITH_TRUSTED"},
		"ec":  {KeySpec{Type: "EC", Curve: "P-384"}, "ALWAYS_SENSITIVE EXTRACTABLE LOCAL MODIFIABLE SENSITIVE SIGN WRAP_WITH_TRUSTED", "ALWAYS_SENSITIVE EXTRACTABLE LOCAL SENSITIVE WRAP_WITH_TRUSTED"},
		"aes": {KeySpec{Type: "AES", Bits: 256}, "ALWAYS_SENSITIVE DECRYPT ENCRYPT EXTRACTABLE LOCAL MODIFIABLE SENSITIVE WRAP_WITH_TRUSTED", "ALWAYS_SENSITIVE EXTRACTABLE LOCAL SENSITIVE WRAP_WITH_TRUSTED"},
	} {
		key := generate(t, u, name, c.spec)
		if got := must[[]string](t)(u.Permissions(key)); !slices.Equal(got, strings.Fields(c.original)) {
			t.Errorf("%s: %q", name, got)
		}
		reduced := must[Key](t)(u.Reduce(key, name+"-copy"))
		if got := must[[]string](t)(u.Permissions(reduced)); !slices.Equal(got, strings.Fields(c.copied)) {
			t.Errorf("copy of %s: %q", name, got)
		}
	}
}

func TestGenerateRefuses(t *testing.T) {
	m, token := world(t)
	u := asUser(t, m, token)
	expect(t, u.GenerateKey("ed", KeySpec{Type: "EC", Curve: "Ed25519"}),
		failure{`curve "Ed25519": P-256, P-384, P-521 or P-256K is expected`, exitcode.Usage, ""})
	expect(t, u.GenerateKey("odd", KeySpec{Type: "AES", Bits: 136}), failure{"C_GenerateKey of odd: CKR_ATTRIBUTE_VALUE_INVALID", exitcode.HSM, ""})
	if labels := must[[]string](t)(u.Labels()); !slices.Equal(labels, []string{"km"}) {
		t.Errorf("left on the token: %q", labels)
	}
}
