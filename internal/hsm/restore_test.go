package hsm

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/keykind"
	"byok/internal/keywrap"
)

// backedUp generates a session key and backs it up.
func (r *rig) backedUp(t *testing.T, kind keykind.Kind) (Key, []byte) {
	t.Helper()
	k := must[Key](t)(r.s.Generate(Spec{Kind: kind}, "key", SessionObject))
	return k, must[[]byte](t)(r.s.Wrap(r.backup(), k))
}

func (r *rig) seal(t *testing.T, backup []byte) Seal {
	return func(public *rsa.PublicKey) ([]byte, error) { return reseal(t, r.km, public, backup), nil }
}

// TestRestoreQuirks: modules that refuse or ignore a part of the template give
// a key that is as well kept.
func TestRestoreQuirks(t *testing.T) {
	for _, c := range []struct {
		name, variable, value string
		leftOut               []string
	}{
		{"none", "SHIM_UNWRAP_DROP", "", nil},
		{"EXTRACTABLE refused", "SHIM_UNWRAP_REFUSE", "0x162", []string{"EXTRACTABLE of the restored key"}},
		{"SENSITIVE ignored", "SHIM_UNWRAP_DROP", "0x103", nil},
		{"UNWRAP ignored", "SHIM_UNWRAP_DROP", "0x107", nil},
		{"SIGN_RECOVER unknown", "SHIM_UNKNOWN", "0x109", []string{"SIGN_RECOVER of the restored key"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := faultyWorld(t)
			k, backup := r.backedUp(t, kind(t, "P-256"))
			t.Setenv(c.variable, c.value)
			restored, err := r.s.Restore(r.restorable(t, k, backup))
			if c.name == "EXTRACTABLE refused" { // SoftHSM has it false then
				expect(t, err, failure{fmt.Sprintf(
					"%v shows CKA_EXTRACTABLE=false on the restored key instead of true (goes to the backup and to the "+
						"vault, wrapped)",
					r.token), exitcode.HSM, ""})
			} else {
				ok(t, err)
				ok(t, r.s.ProbeOneWay(restored))
			}
			got := slices.DeleteFunc(r.s.LeftOut(), func(s string) bool { return s == "COPYABLE of KW" })
			if !slices.Equal(got, c.leftOut) {
				t.Errorf("left out %q", got)
			}
		})
	}
}

// TestRestoreOfAnotherKey: KM is public, so anyone can make a backup of a key
// of their own. It does not prove to be the key.
func TestRestoreOfAnotherKey(t *testing.T) {
	r := world(t)
	k, _ := r.backedUp(t, kind(t, "RSA-2048"))
	der := must[[]byte](t)(x509.MarshalPKCS8PrivateKey(softKEK())) // the attacker's
	aes := p11.Random(32)
	outer := must[[]byte](t)(rsa.EncryptOAEP(sha1.New(), rand.Reader, &r.km.PublicKey, aes, nil))
	forged := append(outer, must[[]byte](t)(keywrap.Wrap(aes, der))...)
	restored := must[Key](t)(r.s.Restore(r.restorable(t, k, forged)))
	expect(t, r.s.Proves(restored, Identity{Public: k.Public}),
		failure{fmt.Sprintf("the restored key on %v is not the key that its public key describes", r.token), exitcode.Check, ""})
}

// TestRestoreFails, and leaves no key on the token.
func TestRestoreFails(t *testing.T) {
	r := faultyWorld(t)
	k, backup := r.backedUp(t, kind(t, "P-256"))
	good, inner := r.seal(t, backup), backup[r.km.Size():]
	spoilt := slices.Clone(inner)
	spoilt[9] ^= 1
	sealError := errors.New("the backup does not open")
	for _, c := range []struct {
		name, function string
		n              int
		public         crypto.PublicKey
		seal           Seal
		inner          []byte
		want           string
		code           exitcode.Code
	}{
		{
			"not sealed", "", 0, k.Public, func(*rsa.PublicKey) ([]byte, error) { return nil, sealError }, inner,
			"the backup does not open", exitcode.Failed,
		},
		{
			"sealed for another", "", 0, k.Public,
			func(*rsa.PublicKey) ([]byte, error) { return reseal(t, r.km, &r.km.PublicKey, backup), nil },
			inner, "C_UnwrapKey of the backup's AES key: CKR_GENERAL_ERROR", exitcode.HSM, // SoftHSM's word for it
		},
		{"spoilt", "", 0, k.Public, good, spoilt, "C_UnwrapKey of the backup: CKR_GENERAL_ERROR", exitcode.HSM},
		{"no public half", "", 0, "public", good, inner, "public key of type string: " +
			"the service imports RSA of 2048, 3072 or 4096 bits and EC on P-256, P-384, P-521 or P-256K", exitcode.Usage},
		{
			"opener", "C_GenerateKeyPair", 1, k.Public, good, inner,
			"C_GenerateKeyPair of a session RSA key: CKR_DEVICE_ERROR", exitcode.HSM,
		},
		{
			"opener read", "C_GetAttributeValue", 1, k.Public, good, inner,
			"C_GetAttributeValue: CKR_DEVICE_ERROR", exitcode.HSM,
		},
		{"tighten", "C_GetAttributeValue", 3, k.Public, good, inner, "C_GetAttributeValue: CKR_DEVICE_ERROR", exitcode.HSM},
		{
			"read back", "C_GetAttributeValue", 5, k.Public, good, inner,
			"reading the attributes of the restored key: C_GetAttributeValue: CKR_DEVICE_ERROR", exitcode.HSM,
		},
		{
			"public half", "C_CreateObject", 1, k.Public, good, inner,
			"C_CreateObject of the public half of the restored key: CKR_DEVICE_ERROR", exitcode.HSM,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.s.rsa = nil
			if c.function != "" {
				r.failCall(t, c.function, c.n, pkcs11.CKR_DEVICE_ERROR)
			}
			_, err := r.s.Restore(Backup{Kind: k.Kind, Public: c.public, Seal: c.seal, Inner: c.inner})
			t.Setenv("SHIM_AT", "")
			expect(t, err, failure{c.want, c.code, ""})
		})
	}
	t.Setenv("SHIM_UNWRAP_DROP", "0x103")
	r.failCall(t, "C_SetAttributeValue", 1, pkcs11.CKR_DEVICE_ERROR)
	_, err := r.s.Restore(Backup{Kind: k.Kind, Public: k.Public, Seal: good, Inner: inner})
	expect(t, err,
		failure{"C_SetAttributeValue of CKA_SENSITIVE of the restored key: CKR_DEVICE_ERROR", exitcode.HSM, ""})
	if items := must[[]Item](t)(r.s.Inventory()); len(items) != 3 {
		t.Errorf("on the token: %+v", items)
	}
}

// TestOpenerLivesWithTheLogin: a private handle does not outlive its login.
func TestOpenerLivesWithTheLogin(t *testing.T) {
	r := world(t)
	k, backup := r.backedUp(t, kind(t, "AES-128"))
	for range 2 {
		r.restore(t, k, backup)
	}
	r.asSO(t)
	r.asUser(t)
	if r.s.rsa != nil {
		t.Error("the session's RSA pair is kept over a logout")
	}
	must[Key](t)(r.s.Restore(r.restorable(t, k, backup)))
}
