package softworld

import (
	"crypto"
	"crypto/aes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"embed"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"slices"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	k256 "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/keywrap"
	"byok/internal/statement"
)

// Signer is an EC P-256 key that signs files, as KNSO and KML do.
type Signer struct{ *ecdsa.PrivateKey }

// NewSigner makes one.
func NewSigner() (Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return Signer{key}, err
}

// Sign signs the SHA-256 of data: ECDSA in DER.
func (s Signer) Sign(data []byte) ([]byte, error) {
	sum := fingerprint.Of(data)
	return ecdsa.SignASN1(rand.Reader, s.PrivateKey, sum[:])
}

// Text is the public half in PEM.
func (s Signer) Text() string {
	text, err := keykind.MarshalPublicKey(&s.PublicKey)
	if err != nil {
		panic(err) // a key on P-256 always encodes
	}
	return text
}

// Sum is the SHA-256 of the SubjectPublicKeyInfo: hknso, or KML's hash.
func (s Signer) Sum() fingerprint.Sum {
	sum, err := keykind.SPKIHash(&s.PublicKey)
	if err != nil {
		panic(err) // a key on P-256 always encodes
	}
	return sum
}

//go:embed testdata/*.pem
var testdata embed.FS

// RSA returns the n-th RSA key of a size, from 1: those in testdata, which
// save the time to make one, and behind them fresh ones.
func RSA(bits, n int) (*rsa.PrivateKey, error) {
	text, err := testdata.ReadFile(fmt.Sprintf("testdata/rsa-%d-%d.pem", bits, n))
	if err != nil {
		return rsa.GenerateKey(rand.Reader, bits)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	pair, _ := key.(*rsa.PrivateKey)
	return pair, nil
}

// Key is a key as it would be on a token.
type Key struct {
	statement.Identity
	// Private is an *rsa.PrivateKey, an *ecdsa.PrivateKey, a
	// *secp256k1.PrivateKey, or the bytes of an AES key.
	Private any
	Plain   []byte // what is wrapped: PKCS#8, or the bytes of an AES key
}

// NewKey makes a key of a kind. RSA keys are the first of their size in
// testdata.
func NewKey(kind keykind.Kind) (Key, error) {
	switch {
	case kind.Type == keykind.RSA:
		key, err := RSA(kind.Bits, 1)
		if err != nil {
			return Key{}, err
		}
		return KeyOf(key)
	case kind.Type == keykind.AES:
		key := make([]byte, kind.Bits/8)
		_, _ = rand.Read(key) // never fails
		return KeyOf(key)
	case kind.Curve == "P-256K":
		key, err := secp256k1.GeneratePrivateKey()
		if err != nil {
			return Key{}, err
		}
		return KeyOf(key)
	}
	key, err := ecdsa.GenerateKey(kind.EllipticCurve(), rand.Reader)
	if err != nil {
		return Key{}, err
	}
	return KeyOf(key)
}

// KeyOf describes a private key; see the field Private of [Key].
func KeyOf(private any) (k Key, err error) {
	k.Private = private
	switch key := private.(type) {
	case []byte:
		k.Plain = key
		k.Identity, err = identityAES(key)
		return k, err
	case *secp256k1.PrivateKey:
		if k.Plain, err = pkcs8P256K(key); err != nil {
			return k, err
		}
		k.Identity, err = statement.IdentityOf(publicP256K(key), 0, nil)
		return k, err
	}
	if k.Plain, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		return k, err
	}
	k.Identity, err = statement.IdentityOf(private.(crypto.Signer).Public(), 0, nil)
	return k, err
}

func identityAES(key []byte) (statement.Identity, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return statement.Identity{}, err
	}
	check := make([]byte, aes.BlockSize)
	block.Encrypt(check, check)
	return statement.IdentityOf(nil, 8*len(key), check)
}

func publicP256K(key *secp256k1.PrivateKey) *ecdsa.PublicKey {
	kind, err := keykind.Lookup(keykind.EC, 0, "P-256K")
	if err != nil {
		panic(err) // it is in the table
	}
	public, err := keykind.ParsePoint(kind, key.PubKey().SerializeUncompressed())
	if err != nil {
		panic(err) // a public key is on its curve
	}
	return public
}

// pkcs8P256K is PKCS#8 (RFC 5208) with an ECPrivateKey (RFC 5915), which
// crypto/x509 does not write for this curve.
func pkcs8P256K(key *secp256k1.PrivateKey) ([]byte, error) {
	inner, err := asn1.Marshal(struct {
		Version int
		Key     []byte
		Public  asn1.BitString `asn1:"explicit,tag:1"`
	}{1, key.Serialize(), asn1.BitString{Bytes: key.PubKey().SerializeUncompressed(), BitLength: 65 * 8}})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(struct {
		Version   int
		Algorithm struct{ Type, Curve asn1.ObjectIdentifier }
		Key       []byte
	}{0, struct{ Type, Curve asn1.ObjectIdentifier }{
		asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}, asn1.ObjectIdentifier{1, 3, 132, 0, 10},
	}, inner})
}

// Possess signs a text as a proof of possession is signed: with the digest of
// the key's kind. An AES key signs nothing.
func (k Key) Possess(text []byte) ([]byte, error) {
	kind, err := k.Kind()
	if err != nil || !kind.Signs() {
		return nil, err
	}
	h := kind.Digest.New()
	h.Write(text)
	digest := h.Sum(nil)
	if key, ok := k.Private.(*secp256k1.PrivateKey); ok {
		return k256.Sign(key, digest).Serialize(), nil
	}
	return k.Private.(crypto.Signer).Sign(rand.Reader, digest, kind.Digest)
}

// Wrap is CKM_RSA_AES_KEY_WRAP: RSA-OAEP with SHA-1 of an AES key, and RFC 5649
// of the plaintext under that.
func Wrap(outer *rsa.PublicKey, plain []byte) ([]byte, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, outer, key, nil)
	if err != nil {
		return nil, err
	}
	wrapped, err := keywrap.Wrap(key, plain)
	return slices.Concat(sealed, wrapped), err
}

// Unwrap undoes [Wrap].
func Unwrap(outer *rsa.PrivateKey, wrapped []byte) ([]byte, error) {
	n := min(outer.Size(), len(wrapped))
	key, err := rsa.DecryptOAEP(sha1.New(), nil, outer, wrapped[:n], nil)
	if err != nil {
		return nil, err
	}
	return keywrap.Unwrap(key, wrapped[n:])
}

// KEK is what a key is wrapped for.
type KEK struct {
	ID     kek.ID
	Public *rsa.PublicKey
}
