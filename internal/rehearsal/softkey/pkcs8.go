package softkey

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// RFC 5480 section 2.1.1 and SEC 2, section 2.4.1.
var (
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidSecp256k1   = asn1.ObjectIdentifier{1, 3, 132, 0, 10}
)

// privateKeyInfo is PKCS#8 (RFC 5208, section 5); attributes are ignored.
type privateKeyInfo struct {
	Version    int
	Algorithm  pkix.AlgorithmIdentifier
	PrivateKey []byte
	Attributes asn1.RawValue `asn1:"optional,tag:0"`
}

// ecPrivateKey is SEC 1, section C.4 (RFC 5915, section 3).
type ecPrivateKey struct {
	Version    int
	PrivateKey []byte
	Curve      asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	PublicKey  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

// ParsePKCS8 reads the plaintext of an RSA or EC transfer blob. crypto/x509
// does all but secp256k1, which it does not know.
func ParsePKCS8(der []byte) (Material, error) {
	var info privateKeyInfo
	rest, err := asn1.Unmarshal(der, &info)
	if err != nil || !isFill(rest) {
		return nil, errors.New("the unwrapped bytes are not PKCS#8")
	}
	der = der[:len(der)-len(rest)]
	var curve asn1.ObjectIdentifier
	if info.Algorithm.Algorithm.Equal(oidECPublicKey) {
		_, _ = asn1.Unmarshal(info.Algorithm.Parameters.FullBytes, &curve) // x509 reports what is not an OID
	}
	if curve.Equal(oidSecp256k1) {
		return parseSecp256k1(info.PrivateKey)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return newRSA(key)
	case *ecdsa.PrivateKey:
		return newNIST(key)
	}
	return nil, errors.New("the unwrapped key is neither RSA nor EC")
}

// isFill reports whether rest is what some HSMs (SoftHSM 2.6.1) put behind the
// PKCS#8 structure: they fill it up to eight bytes with zeros before they wrap
// it after RFC 5649. Whether the service takes it is not documented.
func isFill(rest []byte) bool {
	return len(rest) < 8 && len(bytes.Trim(rest, "\x00")) == 0
}

func parseSecp256k1(der []byte) (Material, error) {
	var key ecPrivateKey
	if rest, err := asn1.Unmarshal(der, &key); err != nil || len(rest) > 0 || key.Version != 1 {
		return nil, errors.New("the unwrapped bytes are not an EC private key")
	}
	if len(key.PrivateKey) != secp256k1.PrivKeyBytesLen {
		return nil, errors.New("the unwrapped secp256k1 key is not 32 bytes long")
	}
	return newSecp256k1(key.PrivateKey)
}
