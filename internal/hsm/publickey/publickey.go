// Package publickey reads public key objects and writes them: modulus and
// exponent, or CKA_EC_PARAMS and CKA_EC_POINT, for the keys that a vault takes.
//
// Do not take a key that [Read] returns for that of a private key with the same
// CKA_ID: that is for a signature to prove.
package publickey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/keykind"
)

// ErrForeign is wrapped by the errors for a public key that no vault takes. Test with
// errors.Is.
var ErrForeign = errors.New("not a key for a vault")

// Read reads a public key object whose CKA_KEY_TYPE is keyType:
// *rsa.PublicKey or *ecdsa.PublicKey. The error for any other wraps
// [ErrForeign].
func Read(s *p11.Session, o p11.Object, keyType uint) (crypto.PublicKey, error) {
	switch keyType {
	case keykind.CKK_RSA:
		key, err := ReadRSA(s, o)
		if err != nil {
			return nil, err // not a nil key in an interface
		}
		return key, nil
	case keykind.CKK_EC:
		return readEC(s, o)
	}
	return nil, foreign("a public key of type 0x%X", keyType)
}

func foreign(format string, args ...any) error {
	return exitcode.Errorf(exitcode.HSM, "the token shows %s, %w", fmt.Sprintf(format, args...), ErrForeign)
}

// ReadRSA reads an RSA public key object.
func ReadRSA(s *p11.Session, o p11.Object) (*rsa.PublicKey, error) {
	values, err := s.Attributes(o, pkcs11.CKA_MODULUS, pkcs11.CKA_PUBLIC_EXPONENT)
	if err != nil {
		return nil, err
	}
	return ParseRSA(values[0], values[1])
}

// ParseRSA is the RSA public key of a CKA_MODULUS and a CKA_PUBLIC_EXPONENT.
func ParseRSA(modulus, publicExponent []byte) (*rsa.PublicKey, error) {
	exponent := new(big.Int).SetBytes(publicExponent)
	if exponent.BitLen() > 31 {
		return nil, foreign("an RSA public exponent of %d bits", exponent.BitLen())
	}
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(exponent.Int64())}
	if _, err := keykind.Of(public); err != nil {
		return nil, foreign("a key (%v)", err)
	}
	return public, nil
}

func readEC(s *p11.Session, o p11.Object) (crypto.PublicKey, error) {
	values, err := s.Attributes(o, pkcs11.CKA_EC_PARAMS, pkcs11.CKA_EC_POINT)
	if err != nil {
		return nil, err
	}
	kind, err := keykind.ForECParams(values[0])
	if err != nil {
		return nil, foreign("an EC key (%v)", err)
	}
	public, err := parsePoint(kind, values[1])
	if err != nil {
		return nil, foreign("an EC key (%v)", err)
	}
	return public, nil
}

// parsePoint reads CKA_EC_POINT: the DER of an octet string around the
// uncompressed point (PKCS#11 v2.40, section 2.3.3), or, as some modules have it, of
// a bit string, the bare point, or any of these with a compressed one. Length and
// first byte decide: no value of a curve can be two of them.
func parsePoint(kind keykind.Kind, value []byte) (*ecdsa.PublicKey, error) {
	for _, point := range [][]byte{value, octets(value), bits(value)} {
		switch {
		case len(point) == kind.PointSize() && point[0] == 4:
			return keykind.ParsePoint(kind, point)
		case len(point) == kind.CompressedSize() && (point[0] == 2 || point[0] == 3):
			return keykind.ParseCompressed(kind, point)
		}
	}
	return nil, fmt.Errorf("EC point of %d bytes that begins %.4x: a point on %s has %d and begins with 04, or %d and "+
		"begins with 02 or 03, bare, in an OCTET STRING or in a BIT STRING",
		len(value), value, kind, kind.PointSize(), kind.CompressedSize())
}

// octets is what the DER of an octet string holds, nil if it is none.
func octets(der []byte) (inner []byte) {
	if rest, err := asn1.Unmarshal(der, &inner); err != nil || len(rest) > 0 {
		return nil
	}
	return inner
}

// bits is what the DER of a bit string of whole bytes holds, nil if it is none.
func bits(der []byte) []byte {
	var inner asn1.BitString
	if rest, err := asn1.Unmarshal(der, &inner); err != nil || len(rest) > 0 || inner.BitLength%8 != 0 {
		return nil
	}
	return inner.Bytes
}

// Material is class, key type and value of a public key, for the template of
// an object. The error for a key that no vault takes has the status Usage.
func Material(public crypto.PublicKey) ([]*pkcs11.Attribute, error) {
	kind, err := keykind.Of(public)
	if err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	if key, ok := public.(*rsa.PublicKey); ok {
		return p11.RSAPublic(key), nil
	}
	point, err := keykind.Point(public.(*ecdsa.PublicKey))
	if err != nil {
		return nil, err
	}
	der, err := asn1.Marshal(point)
	return append(p11.Classed(pkcs11.CKO_PUBLIC_KEY, kind.KeyType),
		pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, kind.ECParams()), pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, der)), err
}
