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

// readEC reads CKA_EC_POINT: a DER octet string around the uncompressed
// point (PKCS#11 v2.40, section 2.3.3); some modules give the bare point.
func readEC(s *p11.Session, o p11.Object) (crypto.PublicKey, error) {
	values, err := s.Attributes(o, pkcs11.CKA_EC_PARAMS, pkcs11.CKA_EC_POINT)
	if err != nil {
		return nil, err
	}
	kind, err := keykind.ForECParams(values[0])
	if err != nil {
		return nil, foreign("an EC key (%v)", err)
	}
	point := values[1]
	var inner []byte
	if rest, err := asn1.Unmarshal(point, &inner); err == nil && len(rest) == 0 {
		point = inner
	}
	public, err := keykind.ParsePoint(kind, point)
	if err != nil {
		return nil, foreign("an EC key (%v)", err)
	}
	return public, nil
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
