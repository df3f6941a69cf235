package hsm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"slices"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

// namedCurve is a curve by the vault's name and its object identifier.
type namedCurve struct {
	name  string
	curve elliptic.Curve
	oid   asn1.ObjectIdentifier
}

// curveP256K is secp256k1 (SEC 2, section 2.4.1), which crypto11 has not.
var curveP256K = namedCurve{"P-256K", secp256k1.S256(), asn1.ObjectIdentifier{1, 3, 132, 0, 10}}

func curves() []namedCurve {
	return []namedCurve{
		{"P-256", elliptic.P256(), asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}},
		{"P-384", elliptic.P384(), asn1.ObjectIdentifier{1, 3, 132, 0, 34}},
		{"P-521", elliptic.P521(), asn1.ObjectIdentifier{1, 3, 132, 0, 35}},
		curveP256K,
	}
}

// params is the curve's CKA_EC_PARAMS: the DER of its object identifier.
func (c namedCurve) params() []byte {
	der, _ := asn1.Marshal(c.oid) // a constant identifier always encodes
	return der
}

func curveNamed(name string) (namedCurve, error) {
	all := curves()
	i := slices.IndexFunc(all, func(c namedCurve) bool { return c.name == name })
	if i < 0 {
		return namedCurve{}, exitcode.Errorf(exitcode.Usage, "curve %q: P-256, P-384, P-521 or P-256K is expected", name)
	}
	return all[i], nil
}

// publicKey reads an RSA or EC public key object.
func (s *session) publicKey(o Object) (crypto.PublicKey, error) {
	kind, err := s.bytes(o, pkcs11.CKA_KEY_TYPE)
	if err != nil {
		return nil, err
	}
	if ulong(kind) == pkcs11.CKK_RSA {
		return s.rsaPublicKey(o)
	}
	return s.ecPublicKey(o)
}

func (s *session) rsaPublicKey(o Object) (*rsa.PublicKey, error) {
	n, err := s.bytes(o, pkcs11.CKA_MODULUS)
	if err != nil {
		return nil, err
	}
	e, err := s.bytes(o, pkcs11.CKA_PUBLIC_EXPONENT)
	if err != nil {
		return nil, err
	}
	exponent := new(big.Int).SetBytes(e)
	if exponent.BitLen() > 31 {
		return nil, exitcode.Errorf(exitcode.HSM, "RSA public exponent of %d bits, more than 31", exponent.BitLen())
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}, nil
}

// ecPublicKey reads CKA_EC_POINT: a DER octet string around the uncompressed
// point (PKCS#11 v2.40, section 2.3.3); some modules give the bare point.
func (s *session) ecPublicKey(o Object) (*ecdsa.PublicKey, error) {
	params, err := s.bytes(o, pkcs11.CKA_EC_PARAMS)
	if err != nil {
		return nil, err
	}
	point, err := s.bytes(o, pkcs11.CKA_EC_POINT)
	if err != nil {
		return nil, err
	}
	all := curves()
	i := slices.IndexFunc(all, func(c namedCurve) bool { return slices.Equal(c.params(), params) })
	if i < 0 {
		return nil, exitcode.Errorf(exitcode.HSM, "the token shows an EC key on a curve that the vault does not take")
	}
	var inner []byte
	if rest, err := asn1.Unmarshal(point, &inner); err == nil && len(rest) == 0 {
		point = inner
	}
	return pointOn(all[i].curve, point)
}

func pointOn(curve elliptic.Curve, point []byte) (*ecdsa.PublicKey, error) {
	size := (curve.Params().BitSize + 7) / 8
	if len(point) != 1+2*size || point[0] != 4 {
		return nil, exitcode.Errorf(exitcode.HSM, "the token shows an EC point of %d bytes, %d were expected", len(point), 1+2*size)
	}
	x, y := new(big.Int).SetBytes(point[1:1+size]), new(big.Int).SetBytes(point[1+size:])
	if !curve.IsOnCurve(x, y) {
		return nil, exitcode.Errorf(exitcode.HSM, "the token shows an EC point that is not on its curve")
	}
	return &ecdsa.PublicKey{Curve: curve, X: x, Y: y}, nil
}

// ulong reads a CK_ULONG in the machine's byte order (little-endian on every
// machine this runs on) and width.
func ulong(b []byte) uint {
	var wide [8]byte
	copy(wide[:], b)
	return uint(binary.LittleEndian.Uint64(wide[:]))
}

func exponentBytes(e uint32) []byte { return big.NewInt(int64(e)).Bytes() }
