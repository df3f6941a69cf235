package yubihsm

import (
	"crypto"
	"crypto/elliptic"
)

// Algorithm is what kind of key or data an object is, or which hash an
// operation uses.
type Algorithm byte

// The algorithms of objects that are simulated.
const (
	RSA2048           Algorithm = 9
	RSA3072           Algorithm = 10
	RSA4096           Algorithm = 11
	P256              Algorithm = 12
	P384              Algorithm = 13
	P521              Algorithm = 14
	AES128CCMWrap     Algorithm = 29
	OpaqueData        Algorithm = 30
	OpaqueCertificate Algorithm = 31
	AES128Login       Algorithm = 38 // aes128-yubico-authentication
	AES192CCMWrap     Algorithm = 41
	AES256CCMWrap     Algorithm = 42
	AES128            Algorithm = 50
	AES192            Algorithm = 51
	AES256            Algorithm = 52
)

// aesKWP came with firmware 2.4: with it the library offers CKM_RSA_AES_KEY_WRAP.
const aesKWP Algorithm = 55

// always are the algorithms since firmware 2.3: of objects, of signatures (1 to
// 8 with RSA, 23 and 43 to 45 with ECDSA, 24 ECDH), of encryption (25 to 28
// OAEP, 48 PKCS #1, 53 and 54 AES in ECB and CBC), of mask generation (32 to 35).
var always = []Algorithm{
	1, 2, 3, 4, 5, 6, 7, 8, RSA2048, RSA3072, RSA4096, P256, P384, P521, 23, 24, 25, 26, 27, 28, AES128CCMWrap,
	OpaqueData, OpaqueCertificate, 32, 33, 34, 35, AES128Login, AES192CCMWrap, AES256CCMWrap, 43, 44, 45, 48,
	AES128, AES192, AES256, 53, 54,
}

var rsaBits = map[Algorithm]int{RSA2048: 2048, RSA3072: 3072, RSA4096: 4096}

var curves = map[Algorithm]elliptic.Curve{P256: elliptic.P256(), P384: elliptic.P384(), P521: elliptic.P521()}

// secretSizes are the sizes in bytes of keys that are only bytes.
var secretSizes = map[Algorithm]int{
	AES128: 16, AES192: 24, AES256: 32, AES128CCMWrap: 16, AES192CCMWrap: 24, AES256CCMWrap: 32,
}

// oaepHashes and mgfHashes are the algorithms that name a hash in a wrapping.
var (
	oaepHashes = map[Algorithm]crypto.Hash{25: crypto.SHA1, 26: crypto.SHA256, 27: crypto.SHA384, 28: crypto.SHA512}
	mgfHashes  = map[Algorithm]crypto.Hash{32: crypto.SHA1, 33: crypto.SHA256, 34: crypto.SHA384, 35: crypto.SHA512}
)

// hashOfSize is the hash that a digest of so many bytes is of.
func hashOfSize(n int) (crypto.Hash, bool) {
	h, ok := map[int]crypto.Hash{20: crypto.SHA1, 32: crypto.SHA256, 48: crypto.SHA384, 64: crypto.SHA512}[n]
	return h, ok
}
