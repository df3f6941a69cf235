package keykind

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"math/big"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// ParsePoint returns the public key of an EC kind whose uncompressed point
// (SEC 1, section 2.3.3: 4, X, Y) is given. It fails for a point of another
// length or form and for one that is not on the curve.
func ParsePoint(k Kind, point []byte) (*ecdsa.PublicKey, error) {
	if k.Type != EC {
		return nil, fmt.Errorf("EC point: %s has none", k)
	}
	if len(point) != k.PointSize() || point[0] != 4 {
		return nil, fmt.Errorf("EC point of %d bytes: an uncompressed point on %s has %d and begins with 4",
			len(point), k, k.PointSize())
	}
	pub, err := decodePoint(k, point)
	if err != nil {
		return nil, fmt.Errorf("EC point: not on %s", k)
	}
	return pub, nil
}

// CompressedSize returns the length in bytes of a compressed point on the curve, 0
// unless the type is EC.
func (k Kind) CompressedSize() int { return (k.PointSize() + 1) / 2 }

// ParseCompressed returns the public key of an EC kind whose compressed point
// (SEC 1, section 2.3.3: 2 or 3, X) is given. It fails for a point of another
// length or form, and for an X that no point of the curve has.
func ParseCompressed(k Kind, point []byte) (*ecdsa.PublicKey, error) {
	if k.Type != EC || len(point) != k.CompressedSize() || point[0] != 2 && point[0] != 3 {
		return nil, fmt.Errorf("EC point of %d bytes: a compressed point on %s has %d and begins with 2 or 3",
			len(point), k, k.CompressedSize())
	}
	if k.ec == p256k {
		if key, err := secp256k1.ParsePubKey(point); err == nil {
			return key.ToECDSA(), nil
		}
	} else if x, y := elliptic.UnmarshalCompressed(k.ec, point); x != nil {
		n := k.CompressedSize() - 1
		whole := append([]byte{4}, x.FillBytes(make([]byte, n))...)
		return ParsePoint(k, append(whole, y.FillBytes(make([]byte, n))...))
	}
	return nil, fmt.Errorf("EC point: not on %s", k)
}

// Point returns the uncompressed point of a valid EC key, the inverse of
// [ParsePoint].
func Point(pub *ecdsa.PublicKey) ([]byte, error) {
	k, err := ofEC(pub)
	if err != nil {
		return nil, err
	}
	return encodePoint(k, pub)
}

func decodePoint(k Kind, point []byte) (*ecdsa.PublicKey, error) {
	if k.ec == p256k {
		return parseP256K(point)
	}
	return ecdsa.ParseUncompressedPublicKey(k.ec, point)
}

// encodePoint fails unless the point is on its curve.
func encodePoint(k Kind, pub *ecdsa.PublicKey) ([]byte, error) {
	if k.ec == p256k {
		return encodeP256K(pub)
	}
	//lint:ignore SA1019 Bytes panics on nil
	if pub.X == nil || pub.Y == nil {
		return nil, errors.New("no point")
	}
	return pub.Bytes()
}

// parseP256K accepts an uncompressed point only: secp256k1.ParsePubKey alone
// would also take compressed and hybrid ones.
func parseP256K(point []byte) (*ecdsa.PublicKey, error) {
	if len(point) != 65 || point[0] != 4 {
		return nil, errors.New("not an uncompressed point")
	}
	key, err := secp256k1.ParsePubKey(point)
	if err != nil {
		return nil, err
	}
	return key.ToECDSA(), nil
}

func encodeP256K(pub *ecdsa.PublicKey) ([]byte, error) {
	point := []byte{4}
	//lint:ignore SA1019 PublicKey.Bytes does not know P-256K
	for _, coordinate := range []*big.Int{pub.X, pub.Y} {
		if coordinate == nil || coordinate.Sign() < 0 || coordinate.BitLen() > 256 {
			return nil, errors.New("a coordinate is not in the field")
		}
		point = append(point, coordinate.FillBytes(make([]byte, 32))...)
	}
	_, err := parseP256K(point)
	return point, err
}
