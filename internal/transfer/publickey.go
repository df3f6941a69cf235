package transfer

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// takenKeys ends the messages about keys of another kind.
const takenKeys = "the service takes RSA 2048, 3072, 4096 and EC P-256, P-384, P-521, P-256K"

// spkiK256 is the SubjectPublicKeyInfo of a secp256k1 key up to the 65 bytes of
// its point, which crypto/x509 does not know: id-ecPublicKey and the curve
// 1.3.132.0.10 (RFC 5480, section 2; SEC 2, appendix A.2.1).
const spkiK256 = "\x30\x56\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x0a\x03\x42\x00"

const pemPublicKey = "PUBLIC KEY"

// ParsePublicKey reads one PEM block "PUBLIC KEY" (RFC 7468, section 13), with
// nothing but white space around it, as openssl pkey -pubout writes it. The
// result is an *rsa.PublicKey of 2048, 3072 or 4096 bits, or an
// *ecdsa.PublicKey on P-256, P-384, P-521 or secp256k1.S256().
func ParsePublicKey(pemText string) (crypto.PublicKey, error) {
	text := strings.TrimSpace(pemText)
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
		return nil, fmt.Errorf("public key: a PEM block %.40q where %q is expected", block.Type, pemPublicKey)
	case len(block.Headers) > 0 || len(rest) > 0:
		return nil, errors.New("public key: text inside or after the PEM block")
	}
	return ParseSPKI(block.Bytes)
}

// MarshalPublicKey gives pub as PEM "PUBLIC KEY": 64 characters a line, a final
// newline, the same bytes as openssl pkey -pubout.
func MarshalPublicKey(pub crypto.PublicKey) (pemText string, err error) {
	der, err := MarshalSPKI(pub)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: pemPublicKey, Bytes: der})), nil
}

// ParseSPKI reads a DER SubjectPublicKeyInfo of the kinds named at
// ParsePublicKey. EC points are uncompressed. Each key has one encoding that
// is accepted, so that it has one hash: MarshalSPKI gives der again.
func ParseSPKI(der []byte) (crypto.PublicKey, error) {
	pub, err := decodeSPKI(der)
	if err != nil {
		return nil, fmt.Errorf("public key: damaged, or of another kind: %s", takenKeys)
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
	if point, found := bytes.CutPrefix(der, []byte(spkiK256)); found {
		return decodePoint(secp256k1.S256(), point)
	}
	return x509.ParsePKIXPublicKey(der)
}

// MarshalSPKI gives the DER SubjectPublicKeyInfo of pub. It fails for a key
// the service does not take and for one that cannot be: a point off its curve,
// an even modulus.
func MarshalSPKI(pub crypto.PublicKey) ([]byte, error) {
	switch key := pub.(type) {
	case *rsa.PublicKey:
		if err := checkRSA(key); err != nil {
			return nil, err
		}
		return x509.MarshalPKIXPublicKey(key)
	case *ecdsa.PublicKey:
		point, err := encodePoint(key)
		if err != nil {
			return nil, err
		}
		if key.Curve == secp256k1.S256() {
			return append([]byte(spkiK256), point...), nil
		}
		return x509.MarshalPKIXPublicKey(key)
	}
	return nil, fmt.Errorf("public key of type %T: %s", pub, takenKeys)
}

func checkRSA(key *rsa.PublicKey) error {
	if key == nil || key.N == nil {
		return errors.New("public key: RSA without a modulus")
	}
	if err := checkModulusBits(key.N.BitLen()); err != nil {
		return fmt.Errorf("public key: %w", err)
	}
	if key.N.Sign() < 0 || key.N.Bit(0) == 0 {
		return errors.New("public key: the RSA modulus is not an odd positive number")
	}
	// The upper bound is crypto/rsa's; OpenSSL and HSMs rarely go beyond 65537.
	if key.E < 3 || key.E%2 == 0 || key.E > math.MaxInt32 {
		return fmt.Errorf("public key: RSA exponent %d: expected an odd number from 3 to %d", key.E, math.MaxInt32)
	}
	return nil
}

func checkModulusBits(bits int) error {
	if bits != 2048 && bits != 3072 && bits != 4096 {
		return fmt.Errorf("RSA of %d bits: the service takes 2048, 3072 or 4096", bits)
	}
	return nil
}

// encodePoint gives 4, X and Y (SEC 1, section 2.3.3) of a point it has found
// on its curve.
func encodePoint(key *ecdsa.PublicKey) ([]byte, error) {
	name, err := CurveName(key)
	if err != nil {
		return nil, err
	}
	off := fmt.Errorf("public key: the point is not on %s", name)
	size := (key.Curve.Params().BitSize + 7) / 8
	point := []byte{4}
	for _, coordinate := range []*big.Int{key.X, key.Y} {
		if coordinate == nil || coordinate.Sign() < 0 || coordinate.BitLen() > 8*size {
			return nil, off
		}
		point = append(point, coordinate.FillBytes(make([]byte, size))...)
	}
	if _, err := decodePoint(key.Curve, point); err != nil {
		return nil, off
	}
	return point, nil
}

// decodePoint is the inverse of encodePoint.
func decodePoint(curve elliptic.Curve, point []byte) (*ecdsa.PublicKey, error) {
	if curve != secp256k1.S256() {
		return ecdsa.ParseUncompressedPublicKey(curve, point)
	}
	key, err := secp256k1.ParsePubKey(point)
	if err != nil {
		return nil, err
	}
	return key.ToECDSA(), nil
}
