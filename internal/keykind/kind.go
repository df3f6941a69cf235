// Package keykind is the one table of the kinds of key that can be made, wrapped
// and imported: RSA of three sizes, EC on four curves, AES of three sizes. It
// also holds what follows from the kind alone: how a public key is written,
// hashed and compared, and how a signature is verified.
//
// Take a [Kind] from [Lookup], [Parse], [Of] or [ForJWK] and compare kinds
// with ==. Do not list curves, sizes, key types or operations anywhere else,
// and do not compare public keys except with [SamePublicKey] or [SPKIHash].
//
// Everything here is public: no private key passes through this package, and
// it reaches no PKCS#11 library. The PKCS#11 numbers are columns of the table.
package keykind

import (
	"crypto"
	"crypto/elliptic"
	"encoding/asn1"
	"slices"
	"strconv"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// Type is what kinds have in common beyond their size: the algorithm.
type Type string

// The types of key.
const (
	RSA Type = "RSA"
	EC  Type = "EC"
	AES Type = "AES"
)

// The service's key types (JWK "kty") for keys in an HSM (Azure Key Vault,
// "About keys").
const (
	RSAHSM = "RSA-HSM"
	ECHSM  = "EC-HSM"
	OctHSM = "oct-HSM"
)

// PKCS#11 key types and mechanisms, by the standard's names (OASIS PKCS#11
// v3.1, pkcs11t.h).
const (
	CKK_RSA uint = 0x00
	CKK_EC  uint = 0x03
	CKK_AES uint = 0x1f

	CKM_RSA_PKCS_KEY_PAIR_GEN uint = 0x0000
	CKM_RSA_PKCS              uint = 0x0001
	CKM_EC_KEY_PAIR_GEN       uint = 0x1040
	CKM_ECDSA                 uint = 0x1041
	CKM_AES_KEY_GEN           uint = 0x1080
)

// Kind is one row of the table. The zero Kind is not a kind of key. Kinds are
// comparable: two are the same exactly when == says so.
type Kind struct {
	Type Type
	// Bits is the length of the RSA modulus, the EC field (521 for P-521) or
	// the AES key.
	Bits int
	// Curve is the service's name of the curve (JWK "crv"): P-256, P-384,
	// P-521 or P-256K. It is empty unless Type is EC.
	Curve string
	// KTY is the service's key type: [RSAHSM], [ECHSM] or [OctHSM].
	KTY string
	// Digest is the hash of what the key signs: as long as the field, as the
	// service requires of ES256, ES256K, ES384 and ES512 (RFC 7518, section
	// 3.4; RFC 8812, section 3.2), and SHA-256 for RSA. AES signs nothing: 0.
	Digest crypto.Hash
	// KeyType is the key's CKA_KEY_TYPE.
	KeyType uint
	// Generation is the mechanism of C_GenerateKeyPair or C_GenerateKey.
	Generation uint
	// Signing is the mechanism of C_SignInit for a digest, with its DigestInfo
	// for RSA. It means nothing for AES.
	Signing uint

	ec   elliptic.Curve
	oid  string // of the curve
	jose string // JOSE's name of the curve
}

var rsaKind = Kind{
	Type:       RSA,
	KTY:        RSAHSM,
	Digest:     crypto.SHA256,
	KeyType:    CKK_RSA,
	Generation: CKM_RSA_PKCS_KEY_PAIR_GEN,
	Signing:    CKM_RSA_PKCS,
}

var ecKind = Kind{
	Type:       EC,
	KTY:        ECHSM,
	KeyType:    CKK_EC,
	Generation: CKM_EC_KEY_PAIR_GEN,
	Signing:    CKM_ECDSA,
}

var aesKind = Kind{
	Type:       AES,
	KTY:        OctHSM,
	KeyType:    CKK_AES,
	Generation: CKM_AES_KEY_GEN,
}

// p256k is the one use of the deprecated S256: no other value of the type
// elliptic.Curve stands for secp256k1, and an ecdsa.PublicKey needs one.
//
//lint:ignore SA1019 nothing else stands for the curve
var p256k elliptic.Curve = secp256k1.S256()

// The object identifiers are those of RFC 5480, section 2.1.1.1, and of SEC 2,
// appendix A.2.1; JOSE's curve names those of RFC 7518 and RFC 8812.
var table = []Kind{
	rsaKind.sized(2048),
	rsaKind.sized(3072),
	rsaKind.sized(4096),
	ecKind.on("P-256", elliptic.P256(), "1.2.840.10045.3.1.7", "P-256", crypto.SHA256),
	ecKind.on("P-384", elliptic.P384(), "1.3.132.0.34", "P-384", crypto.SHA384),
	ecKind.on("P-521", elliptic.P521(), "1.3.132.0.35", "P-521", crypto.SHA512),
	ecKind.on("P-256K", p256k, "1.3.132.0.10", "secp256k1", crypto.SHA256),
	aesKind.sized(128),
	aesKind.sized(192),
	aesKind.sized(256),
}

func (k Kind) sized(bits int) Kind {
	k.Bits = bits
	return k
}

func (k Kind) on(name string, curve elliptic.Curve, oid, jose string, digest crypto.Hash) Kind {
	k.Curve, k.Bits, k.Digest = name, curve.Params().BitSize, digest
	k.ec, k.oid, k.jose = curve, oid, jose
	return k
}

// All returns every kind, in the order of the table.
func All() []Kind { return slices.Clone(table) }

// String returns the kind's name, which [Parse] reads: RSA-2048, P-256,
// AES-128. The zero Kind has none.
func (k Kind) String() string {
	switch k.Type {
	case EC:
		return k.Curve
	case RSA, AES:
		return string(k.Type) + "-" + strconv.Itoa(k.Bits)
	}
	return "no kind of key"
}

// Signs reports whether keys of this kind sign, and so have a public half.
func (k Kind) Signs() bool { return k.Type == RSA || k.Type == EC }

// EllipticCurve returns the curve as package crypto/ecdsa needs it, nil unless
// the type is EC. P-256K's must not be computed with: use [ParsePoint],
// [Point] and [VerifySignature].
func (k Kind) EllipticCurve() elliptic.Curve { return k.ec }

// OID returns the curve's object identifier, nil unless the type is EC.
func (k Kind) OID() asn1.ObjectIdentifier {
	var oid asn1.ObjectIdentifier
	if k.oid == "" {
		return nil
	}
	for part := range strings.SplitSeq(k.oid, ".") {
		n, _ := strconv.Atoi(part) // the table holds numbers
		oid = append(oid, n)
	}
	return oid
}

// ECParams returns the curve's CKA_EC_PARAMS, the DER of its object identifier
// (PKCS#11 v3.1, section 6.3.3), nil unless the type is EC.
func (k Kind) ECParams() []byte {
	if k.oid == "" {
		return nil
	}
	der, _ := asn1.Marshal(k.OID()) // a well-formed identifier always encodes
	return der
}

// PointSize returns the length in bytes of an uncompressed point on the curve,
// 0 unless the type is EC.
func (k Kind) PointSize() int {
	if k.Type != EC {
		return 0
	}
	return 1 + 2*((k.Bits+7)/8)
}

// KeyOps lists the key operations that the service accepts for an imported key
// of this kind.
func (k Kind) KeyOps() []string { return KeyOps(k.KTY) }

// KeyOps lists the key operations that the service accepts for an imported key
// of type kty, nil for a type that it does not import. A key exchange key's
// import is not among them: see package kek.
func KeyOps(kty string) []string {
	switch kty {
	case RSAHSM:
		return []string{"encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"}
	case ECHSM:
		return []string{"sign", "verify"}
	case OctHSM:
		return []string{"encrypt", "decrypt", "wrapKey", "unwrapKey"}
	}
	return nil
}
