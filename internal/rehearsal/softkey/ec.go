package softkey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	ecdsak1 "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"byok/internal/keykind"
	"byok/internal/rehearsal/wire"
)

// Koblitz is the service's name of secp256k1, the one curve Go lacks.
const Koblitz = "P-256K"

// curveOf returns the NIST curve of a service's name, nil for any other.
func curveOf(name string) elliptic.Curve {
	kind, err := keykind.Lookup(keykind.EC, 0, name)
	if err != nil || kind.Curve == Koblitz {
		return nil
	}
	return kind.EllipticCurve()
}

func decodeEC(curve string, scalar []byte) (Material, error) {
	if curve == Koblitz {
		return newSecp256k1(scalar)
	}
	known := curveOf(curve)
	if known == nil {
		return nil, fmt.Errorf("no curve %s", curve)
	}
	key, err := ecdsa.ParseRawPrivateKey(known, scalar)
	if err != nil {
		return nil, errors.New("not an EC private key")
	}
	return newNIST(key)
}

func generateEC(curve string) (Material, error) {
	if curve == "" {
		curve = "P-256"
	}
	if curve == Koblitz {
		key, err := secp256k1.GeneratePrivateKey()
		return secp256k1Key{key}, err
	}
	known := curveOf(curve)
	if known == nil {
		return nil, wire.BadParameter("Invalid crv: %s. A curve is P-256, P-384, P-521 or P-256K", curve) // our text
	}
	key, err := ecdsa.GenerateKey(known, rand.Reader)
	if err != nil {
		return nil, err
	}
	return newNIST(key)
}

// nistKey is an EC key on P-256, P-384 or P-521.
type nistKey struct{ *ecdsa.PrivateKey }

func newNIST(key *ecdsa.PrivateKey) (Material, error) {
	if curveOf(key.Params().Name) != key.Curve {
		return nil, fmt.Errorf("an EC key on %s, which the service does not import", key.Params().Name)
	}
	return nistKey{key}, nil
}

// Kind implements Material.
func (k nistKey) Kind() string { return "EC" }
func (k nistKey) width() int   { return (k.Params().BitSize + 7) / 8 }

// Private implements Material.
func (k nistKey) Private() []byte {
	scalar, _ := k.Bytes() // fails for foreign curves only, see newNIST
	return scalar
}

// point is the public key, uncompressed (SEC 1, section 2.3.3).
func (k nistKey) point() []byte {
	point, _ := k.PublicKey.Bytes() // as in private
	return point
}

// Describe implements Material.
func (k nistKey) Describe(into *wire.Key) {
	into.Curve = k.Params().Name
	into.X, into.Y = halves(k.point()[1:])
}

// Sign implements Signer.
func (k nistKey) Sign(_ string, digest []byte) ([]byte, error) {
	r, s, err := ecdsa.Sign(rand.Reader, k.PrivateKey, digest)
	if err != nil {
		return nil, err
	}
	signature := make([]byte, 2*k.width())
	r.FillBytes(signature[:k.width()])
	s.FillBytes(signature[k.width():])
	return signature, nil
}

// Verify implements Signer.
func (k nistKey) Verify(_ string, digest, signature []byte) bool {
	r, s := halves(signature)
	return len(signature) == 2*k.width() &&
		ecdsa.Verify(&k.PublicKey, digest, new(big.Int).SetBytes(r), new(big.Int).SetBytes(s))
}

// secp256k1Key is an EC key on P-256K.
type secp256k1Key struct{ *secp256k1.PrivateKey }

func newSecp256k1(scalar []byte) (Material, error) {
	var d secp256k1.ModNScalar
	if len(scalar) != secp256k1.PrivKeyBytesLen || d.SetByteSlice(scalar) || d.IsZero() {
		return nil, errors.New("not a private key on secp256k1")
	}
	return secp256k1Key{secp256k1.NewPrivateKey(&d)}, nil
}

// Kind implements Material.
func (k secp256k1Key) Kind() string { return "EC" }

// Private implements Material.
func (k secp256k1Key) Private() []byte { return k.Serialize() }
func (k secp256k1Key) point() []byte   { return k.PubKey().SerializeUncompressed() }

// Describe implements Material.
func (k secp256k1Key) Describe(into *wire.Key) {
	into.Curve = Koblitz
	into.X, into.Y = halves(k.point()[1:])
}

// Sign implements Signer.
func (k secp256k1Key) Sign(_ string, digest []byte) ([]byte, error) {
	signature := ecdsak1.Sign(k.PrivateKey, digest)
	r, s := signature.R(), signature.S()
	first, second := r.Bytes(), s.Bytes()
	return append(first[:], second[:]...), nil
}

// Verify implements Signer.
func (k secp256k1Key) Verify(_ string, digest, signature []byte) bool {
	var r, s secp256k1.ModNScalar
	first, second := halves(signature)
	if len(signature) != 64 || r.SetByteSlice(first) || s.SetByteSlice(second) {
		return false
	}
	return ecdsak1.NewSignature(&r, &s).Verify(digest, k.PubKey())
}

// halves splits two integers of the same length.
func halves(b []byte) (first, second []byte) { return b[:len(b)/2], b[len(b)/2:] }
