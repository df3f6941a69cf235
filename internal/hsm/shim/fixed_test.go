package shim_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/shim"
	"byok/internal/testkit/softhsm"
)

// TestFixedRSA: key pairs of the label are one key, whose halves belong
// together; those of another label are not.
func TestFixedRSA(t *testing.T) {
	softhsm.New(t)
	p, _, h := softhsm.Session(t, shim.Build(t))
	t.Setenv("SHIM_FIXED_RSA", "opener")
	var moduli [][]byte
	for _, label := range []string{"opener", "opener", "other"} {
		named := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false)}
		public, private, err := p.GenerateKeyPair(h,
			[]*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, nil)},
			append(slices.Clone(named), pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, 2048)),
			append(slices.Clone(named), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true)))
		if err != nil {
			t.Fatal(err)
		}
		n, err := p.GetAttributeValue(h, public, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_MODULUS, nil)})
		if err != nil {
			t.Fatal(err)
		}
		moduli = append(moduli, n[0].Value)
		if err := p.SignInit(h, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_SHA256_RSA_PKCS, nil)}, private); err != nil {
			t.Fatal(err)
		}
		sig, err := p.Sign(h, []byte("text"))
		if err != nil {
			t.Fatal(err)
		}
		key, digest := rsa.PublicKey{N: new(big.Int).SetBytes(n[0].Value), E: 65537}, sha256.Sum256([]byte("text"))
		if err := rsa.VerifyPKCS1v15(&key, crypto.SHA256, digest[:], sig); err != nil {
			t.Errorf("%s: %v", label, err)
		}
	}
	if !slices.Equal(moduli[0], moduli[1]) || slices.Equal(moduli[0], moduli[2]) {
		t.Error("the keys of the label are not one, or that of another label is it too")
	}
}
