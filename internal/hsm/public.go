package hsm

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

// errForeignKey is wrapped by the errors for a public key that no vault takes.
var errForeignKey = errors.New("not a key for a vault")

// publicKey reads an RSA or EC public key object.
func (s *Session) publicKey(o Object) (crypto.PublicKey, error) {
	values, err := s.raw.Attributes(o, pkcs11.CKA_KEY_TYPE)
	if err != nil {
		return nil, err
	}
	return s.publicKeyOf(o, p11.ULong(values[0]))
}

// publicKeyOf reads a public key object whose CKA_KEY_TYPE is known.
func (s *Session) publicKeyOf(o Object, keyType uint) (crypto.PublicKey, error) {
	switch keyType {
	case keykind.CKK_RSA:
		key, err := s.rsaPublicKey(o)
		if err != nil {
			return nil, err // not a nil key in an interface
		}
		return key, nil
	case keykind.CKK_EC:
		return s.ecPublicKey(o)
	}
	return nil, foreign("a public key of type 0x%X", keyType)
}

func foreign(format string, args ...any) error {
	return exitcode.Errorf(exitcode.HSM, "the token shows %s, %w", fmt.Sprintf(format, args...), errForeignKey)
}

func (s *Session) rsaPublicKey(o Object) (*rsa.PublicKey, error) {
	values, err := s.raw.Attributes(o, pkcs11.CKA_MODULUS, pkcs11.CKA_PUBLIC_EXPONENT)
	if err != nil {
		return nil, err
	}
	exponent := new(big.Int).SetBytes(values[1])
	if exponent.BitLen() > 31 {
		return nil, foreign("an RSA public exponent of %d bits", exponent.BitLen())
	}
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(values[0]), E: int(exponent.Int64())}
	if _, err := keykind.Of(public); err != nil {
		return nil, foreign("a key (%v)", err)
	}
	return public, nil
}

// ecPublicKey reads CKA_EC_POINT: a DER octet string around the uncompressed
// point (PKCS#11 v2.40, section 2.3.3); some modules give the bare point.
func (s *Session) ecPublicKey(o Object) (crypto.PublicKey, error) {
	values, err := s.raw.Attributes(o, pkcs11.CKA_EC_PARAMS, pkcs11.CKA_EC_POINT)
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

// publicMaterial is the template of a public key object with the value of
// public.
func publicMaterial(public crypto.PublicKey) ([]*pkcs11.Attribute, error) {
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
