package keykind

import (
	"byok/internal/strictjson"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"strings"
)

const pemPublicKey = "PUBLIC KEY"

// spkiP256K is the SubjectPublicKeyInfo of a secp256k1 key up to the 65 bytes
// of its point, which crypto/x509 does not know: id-ecPublicKey and the curve
// 1.3.132.0.10 (RFC 5480, section 2; SEC 2, appendix A.2.1).
const spkiP256K = "\x30\x56\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x0a\x03\x42\x00"

// ParsePublicKey reads a public key in exactly the spelling that
// [MarshalPublicKey] writes, as the project's signed files hold it: one key
// has one text. The result is an *rsa.PublicKey or an *ecdsa.PublicKey of a
// kind in the table. For a file from another tool, use [ReadPublicKey].
func ParsePublicKey(text string) (crypto.PublicKey, error) {
	pub, err := ReadPublicKey(text)
	if err != nil {
		return nil, err
	}
	again, err := MarshalPublicKey(pub)
	if err != nil {
		return nil, err
	}
	if again != text {
		return nil, errors.New("public key: expected PEM of 64 characters a line and a final newline")
	}
	return pub, nil
}

// ReadPublicKey reads one PEM block "PUBLIC KEY" (RFC 7468, section 13), with
// nothing but white space around it, as openssl pkey -pubout writes it, also
// with the line ends of Windows.
func ReadPublicKey(text string) (crypto.PublicKey, error) {
	if err := strictjson.CheckEncoding([]byte(text)); err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "-----BEGIN ") {
		return nil, errors.New("public key: not a PEM block")
	}
	// pem.Decode skips what it cannot read: a second block could take the
	// place of the first.
	if strings.Count(text, "-----BEGIN ") > 1 {
		return nil, errors.New("public key: more than one PEM block")
	}
	block, rest := pem.Decode([]byte(text))
	switch {
	case block == nil:
		return nil, errors.New("public key: the PEM block is damaged")
	case block.Type != pemPublicKey:
		return nil, fmt.Errorf("public key: a PEM block %.40q, expected %q", block.Type, pemPublicKey)
	case len(block.Headers) > 0 || len(rest) > 0:
		return nil, errors.New("public key: text inside or after the PEM block")
	}
	return ParseSPKI(block.Bytes)
}

// MarshalPublicKey returns pub as PEM "PUBLIC KEY": 64 characters a line, a
// final newline, the same bytes as openssl pkey -pubout.
func MarshalPublicKey(pub crypto.PublicKey) (text string, err error) {
	der, err := MarshalSPKI(pub)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: pemPublicKey, Bytes: der})), nil
}

// ParseSPKI reads a DER SubjectPublicKeyInfo of a kind in the table. EC points
// are uncompressed. Each key has one encoding that is accepted, so that it has
// one hash: [MarshalSPKI] returns der again.
func ParseSPKI(der []byte) (crypto.PublicKey, error) {
	pub, err := decodeSPKI(der)
	if err != nil {
		return nil, fmt.Errorf("public key: damaged, or of another kind: %s", imported())
	}
	again, err := MarshalSPKI(pub)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, der) {
		return nil, errors.New("public key: not in DER, the one encoding that can be hashed")
	}
	return pub, nil
}

func decodeSPKI(der []byte) (crypto.PublicKey, error) {
	if point, found := bytes.CutPrefix(der, []byte(spkiP256K)); found {
		return parseP256K(point)
	}
	return x509.ParsePKIXPublicKey(der)
}

// MarshalSPKI returns the DER SubjectPublicKeyInfo of pub (RFC 5280, section
// 4.1.2.7). It fails for a key of no kind in the table and for one that cannot
// be: a point off its curve, an even modulus.
func MarshalSPKI(pub crypto.PublicKey) ([]byte, error) {
	k, err := Of(pub)
	if err != nil {
		return nil, err
	}
	if key, ok := pub.(*ecdsa.PublicKey); ok && k.ec == p256k {
		point, err := Point(key)
		return append([]byte(spkiP256K), point...), err
	}
	return x509.MarshalPKIXPublicKey(pub)
}

func ofRSA(key *rsa.PublicKey) (Kind, error) {
	if key == nil || key.N == nil {
		return Kind{}, errors.New("public key: RSA without a modulus")
	}
	k, err := Lookup(RSA, key.N.BitLen(), "")
	if err != nil {
		return Kind{}, fmt.Errorf("public key: %s", err)
	}
	if key.N.Sign() < 0 || key.N.Bit(0) == 0 {
		return Kind{}, errors.New("public key: the RSA modulus is not an odd positive number")
	}
	// The upper bound is crypto/rsa's; OpenSSL and HSMs rarely go beyond 65537.
	if key.E < 3 || key.E%2 == 0 || key.E > math.MaxInt32 {
		return Kind{}, fmt.Errorf("public key: RSA exponent %d: expected an odd number from 3 to %d", key.E,
			math.MaxInt32)
	}
	return k, nil
}

func ofEC(key *ecdsa.PublicKey) (Kind, error) {
	k, err := onCurve(key)
	if err != nil {
		return Kind{}, err
	}
	if _, err := encodePoint(k, key); err != nil {
		return Kind{}, fmt.Errorf("public key: the point is not on %s", k)
	}
	return k, nil
}

// onCurve returns the kind of the key's curve, without a look at its point.
func onCurve(key *ecdsa.PublicKey) (Kind, error) {
	if key == nil || key.Curve == nil {
		return Kind{}, errors.New("public key: EC without a curve")
	}
	k, found := find(func(k Kind) bool { return k.ec == key.Curve })
	if !found {
		return Kind{}, fmt.Errorf("public key: curve %.40q: %s", key.Curve.Params().Name, imported())
	}
	return k, nil
}
