package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/miekg/pkcs11"

	"byok/internal/rehearsal"
	"byok/internal/specimen"
	"byok/internal/testkit/practice"
	"byok/internal/transfer"
)

// TestByWayOfTheVault: a transfer key that waits on the token is wrapped under
// itself and under the KEK, and is then a package of an AES key: whoever
// decrypts with it in the vault opens every key that was wrapped under it. That
// works on a token with such keys, and in no state of a ceremony is there
// anything to do it with.
func TestByWayOfTheVault(t *testing.T) {
	v := newVaultUser(t)
	t.Run("control", func(t *testing.T) { v.opensWhatWaits(t) })
	for _, state := range stateNames() {
		t.Run(state, func(t *testing.T) {
			inState(t, state).besiege(t, func(a *attacker) { v.findsNothing(t, a) })
		})
	}
}

// vaultUser may import into a Managed HSM, and decrypt there.
type vaultUser struct {
	keys  *azkeys.Client
	kek   specimen.KEK
	calls int // of decrypt
}

func newVaultUser(t *testing.T) *vaultUser {
	t.Helper()
	v := practice.Start(t, rehearsal.Config{Service: rehearsal.ManagedHSM})
	keys := mustDo(azkeys.NewClient(v.Open.URL, v.Open.Credential(), &azkeys.ClientOptions{
		ClientOptions:                        azcore.ClientOptions{Transport: v.Open.HTTP()},
		DisableChallengeResourceVerification: true,
	}))(t)
	return &vaultUser{keys: keys, kek: mustDo(v.KEK(practice.KEKName))(t)}
}

// opensWhatWaits makes a token as a transfer leaves it whose KEK and transfer
// key are token objects, and opens a key that no one transferred.
func (v *vaultUser) opensWhatWaits(t *testing.T) {
	inState(t, created).besiege(t, func(a *attacker) {
		a.makeOwnToken(t)
		a.outside(t, a.second, func(h pkcs11.SessionHandle) {
			a.must(t, a.p.Login(h, pkcs11.CKU_SO, secondPIN))
			a.must(t, a.p.InitPIN(h, stagePIN))
			kek, layer := v.leaveTrusted(t, a, h)
			a.must(t, a.p.Logout(h))
			a.must(t, a.p.Login(h, pkcs11.CKU_USER, stagePIN))
			public, secret := a.secretKey(t, h)
			wrapped := func(under, key pkcs11.ObjectHandle, m []*pkcs11.Mechanism) []byte {
				return mustDo(a.p.WrapKey(h, m, under, key))(t)
			}
			v.importAES(t, slices.Concat(wrapped(kek, layer, rsaWraps()[1]), wrapped(layer, layer, rfc5649())))
			opened := mustDo(unwrapped(wrapped(layer, secret, rfc5649()), v.decrypt))(t)
			key := mustDo(parsePKCS8(opened))(t)
			if key.X.Cmp(public) != 0 || v.calls != 54 {
				t.Errorf("opened another key, or with %d calls instead of 54", v.calls)
			}
		})
	})
}

// leaveTrusted makes KEK and transfer key as the security officer.
func (v *vaultUser) leaveTrusted(t *testing.T, a *attacker, h pkcs11.SessionHandle) (kek,
	layer pkcs11.ObjectHandle) {
	t.Helper()
	trusted := []*pkcs11.Attribute{
		attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_PRIVATE, false), attr(pkcs11.CKA_TRUSTED,
			true), attr(pkcs11.CKA_WRAP, true),
	}
	kek = mustDo(a.p.CreateObject(h, append(v.kekTemplate(), trusted...)))(t)
	layer = mustDo(a.p.GenerateKey(h, by(pkcs11.CKM_AES_KEY_GEN, nil), append(trusted, attr(pkcs11.CKA_VALUE_LEN, 32),
		attr(pkcs11.CKA_SENSITIVE, true), attr(pkcs11.CKA_EXTRACTABLE, true), attr(pkcs11.CKA_WRAP_WITH_TRUSTED,
			true))))(t)
	return kek, layer
}

func (v *vaultUser) kekTemplate() []*pkcs11.Attribute {
	return []*pkcs11.Attribute{
		attr(pkcs11.CKA_CLASS, uint(pkcs11.CKO_PUBLIC_KEY)), attr(pkcs11.CKA_KEY_TYPE, uint(pkcs11.CKK_RSA)),
		attr(pkcs11.CKA_MODULUS, v.kek.Public.N.Bytes()),
		attr(pkcs11.CKA_PUBLIC_EXPONENT, big.NewInt(int64(v.kek.Public.E)).Bytes()),
	}
}

// secretKey is a key that only trusted keys wrap, and the x of its public half.
func (a *attacker) secretKey(t *testing.T, h pkcs11.SessionHandle) (*big.Int, pkcs11.ObjectHandle) {
	t.Helper()
	params := a.material(pkcs11.CKO_PUBLIC_KEY, pkcs11.CKK_EC)[0]
	public, private, err := a.p.GenerateKeyPair(h, by(pkcs11.CKM_EC_KEY_PAIR_GEN, nil), []*pkcs11.Attribute{params},
		[]*pkcs11.Attribute{attr(pkcs11.CKA_SENSITIVE, true), attr(pkcs11.CKA_EXTRACTABLE, true),
			attr(pkcs11.CKA_WRAP_WITH_TRUSTED, true)})
	a.must(t, err)
	list := mustDo(a.p.GetAttributeValue(h, public, []*pkcs11.Attribute{attr(pkcs11.CKA_EC_POINT, nil)}))(t)
	point := list[0].Value[len(list[0].Value)-64:]
	return new(big.Int).SetBytes(point[:32]), private
}

// importAES brings a ciphertext into the vault as an AES key for decryption.
func (v *vaultUser) importAES(t *testing.T, ciphertext []byte) {
	t.Helper()
	blob := mustDo(transfer.Blob{KEK: v.kek.ID, Ciphertext: ciphertext}.Marshal())(t)
	_, err := v.keys.ImportKey(context.Background(), "layer", azkeys.ImportKeyParameters{
		HSM: to.Ptr(true),
		Key: &azkeys.JSONWebKey{Kty: to.Ptr(azkeys.KeyTypeOctHSM), T: blob,
			KeyOps: to.SliceOfPtrs(azkeys.KeyOperationDecrypt)},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// decrypt is the block cipher: CBC of one block with an IV of zeros.
func (v *vaultUser) decrypt(block []byte) ([]byte, error) {
	v.calls++
	out, err := v.keys.Decrypt(context.Background(), "layer", "", azkeys.KeyOperationParameters{
		Algorithm: to.Ptr(azkeys.EncryptionAlgorithmA256CBC), Value: block, IV: make([]byte, 16),
	}, nil)
	return out.Result, err
}

// parsePKCS8 leaves SoftHSM's zeros behind the key.
func parsePKCS8(der []byte) (*ecdsa.PrivateKey, error) {
	var whole asn1.RawValue
	if _, err := asn1.Unmarshal(der, &whole); err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(whole.FullBytes)
	private, _ := key.(*ecdsa.PrivateKey)
	return private, err
}

// findsNothing tries every object of the token, and the KEK as the attacker can
// put it there, as a wrapping key for every other: kept keys go under KM and KW
// alone, which only K cards open, and KM and KW go nowhere.
func (v *vaultUser) findsNothing(t *testing.T, a *attacker) {
	kek := mustDo(a.p.CreateObject(a.h,
		append(v.kekTemplate(), attr(pkcs11.CKA_TOKEN, false), attr(pkcs11.CKA_WRAP, true))))(t)
	targets := a.targets(t)
	under := append(slices.Clone(targets), object{handle: kek, role: "the vault's KEK", kind: pkcs11.CKK_RSA})
	tried := 0
	for _, w := range under {
		for _, o := range targets {
			for _, m := range append(rsaWraps(), aesWraps(o)...) {
				tried++
				_, err := a.p.WrapKey(a.h, m, w.handle, o.handle)
				ours := (w.role == "KM" || w.role == "KW") && slices.Contains(keptKeys(), o.role)
				if err == nil && !ours {
					t.Errorf("BREACH: %v is wrapped under %v", o, w)
				}
			}
		}
	}
	if tried < 50 {
		t.Errorf("%d tries: the token holds too little for a test", tried)
	}
}
