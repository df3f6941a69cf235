package rig

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // of RSA-OAEP
	"strings"
	"testing"
	"time"

	"byok/internal/attest"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/keywrap"
	"byok/internal/stamp"
	"byok/internal/toolset"
)

// KEK is a vault's key exchange key, with its private half.
type KEK struct {
	*attest.KEK
	Private *rsa.PrivateKey
}

// NewKEK makes a rehearsal's KEK of 2048 bits that the vault's owner vouched
// for.
func NewKEK(t testing.TB, name string) KEK {
	t.Helper()
	return newKEK(t, kek.Rehearsal, "https://localhost:8443/keys/"+name)
}

// NewProductionKEK is [NewKEK] of a production vault.
func NewProductionKEK(t testing.TB, name string) KEK {
	t.Helper()
	return newKEK(t, kek.Production, "https://contoso.vault.azure.net/keys/"+name)
}

func newKEK(t testing.TB, mark kek.Mark, key string) KEK {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	OK(t, err)
	return KEK{vouched(t, mark, key, &private.PublicKey), private}
}

// NewKEKOf is [NewKEK] of a given public key.
func NewKEKOf(t testing.TB, name string, key *rsa.PublicKey) KEK {
	t.Helper()
	return KEK{KEK: vouched(t, kek.Rehearsal, "https://localhost:8443/keys/"+name, key)}
}

// NewExpiredKEK is [NewKEK] of a KEK that expired since it was accepted.
func NewExpiredKEK(t testing.TB, name string) KEK {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	OK(t, err)
	then := stamp.Now().Add(-2 * time.Hour)
	url := "https://localhost:8443/keys/" + name
	return KEK{vouchedAt(t, kek.Rehearsal, url, &private.PublicKey, span{then, then.Add(time.Hour)}), private}
}

// vouched is a KEK that the vault's owner vouched for.
func vouched(t testing.TB, mark kek.Mark, key string, of *rsa.PublicKey) *attest.KEK {
	t.Helper()
	return vouchedAt(t, mark, key, of, span{made: stamp.Now()})
}

// span is when a KEK was made and accepted, and when it expires.
type span struct{ made, ends time.Time }

func vouchedAt(t testing.TB, mark kek.Mark, key string, of *rsa.PublicKey, when span) *attest.KEK {
	t.Helper()
	public, err := keykind.MarshalPublicKey(of)
	OK(t, err)
	sum, err := keykind.SPKIHash(of)
	OK(t, err)
	id, err := kek.ParseID(key + "/" + strings.Repeat("0a", 16))
	OK(t, err)
	sw := toolset.SecurityWorldPackage{
		Type: toolset.SecurityWorldType, Version: toolset.Version, Suffix: "CONTOSO", Generation: 1, Mark: mark,
		Service: kek.ServiceVault, Cloud: "AzurePublic", Vault: id.Vault,
	}
	swBytes, err := sw.Marshal()
	OK(t, err)
	pkg := toolset.KEKPackage{
		Type: toolset.KEKType, Version: toolset.Version, Suffix: "CONTOSO", Generation: 1, Mark: mark,
		KID: id, PublicKey: public, KTY: "RSA-HSM", KeyOps: []string{"import"}, Enabled: true, HSMPlatform: "2",
		Created: when.made, Expires: when.ends, SecurityWorld: fingerprint.Of(swBytes),
	}
	pair, err := toolset.NewPair(pkg, sw)
	OK(t, err)
	said := kek.Said{Fingerprint: fingerprint.Whole(sum), KID: id, ImportOnly: true, By: "Olga"}
	result, err := attest.Check(pair, kek.Policy{Rehearsal: mark == kek.Rehearsal, Said: &said, Now: when.made})
	OK(t, err)
	return result.KEK
}

// Open opens a wrapped key as the vault does: PKCS#8 in DER, perhaps with
// zeros behind it, or an AES key.
func (k KEK) Open(t testing.TB, ciphertext []byte) []byte {
	t.Helper()
	size := k.Private.Size()
	aes, err := k.Private.Decrypt(nil, ciphertext[:size], &rsa.OAEPOptions{Hash: crypto.SHA1})
	OK(t, err)
	plain, err := keywrap.Unwrap(aes, ciphertext[size:])
	OK(t, err)
	return plain
}
