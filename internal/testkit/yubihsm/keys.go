package yubihsm

import (
	"byok/internal/testkit/yubihsm/wire"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
)

// exponent is the public exponent of every RSA key on the device.
const exponent = 65537

func (c *call) generateAsymmetric() ([]byte, error) {
	h := c.header()
	if err := c.in.Done(); err != nil {
		return nil, err
	}
	key, err := newPair(h.algorithm)
	if err != nil {
		return nil, err
	}
	return c.create(AsymmetricKey, h, generated, key)
}

// newPair generates a key pair.
func newPair(a Algorithm) (any, error) {
	if bits := rsaBits[a]; bits != 0 {
		return rsa.GenerateKey(rand.Reader, bits)
	}
	if curve := curves[a]; curve != nil {
		return ecdsa.GenerateKey(curve, rand.Reader)
	}
	return nil, wire.InvalidData
}

func (c *call) putAsymmetric() ([]byte, error) {
	h := c.header()
	key, err := pairOf(h.algorithm, c.in.Rest())
	if err != nil {
		return nil, err
	}
	return c.create(AsymmetricKey, h, imported, key)
}

// pairOf makes a key pair of what the device takes: both primes, or the scalar.
func pairOf(a Algorithm, data []byte) (any, error) {
	if bits := rsaBits[a]; bits != 0 {
		return rsaOf(bits, data)
	}
	curve := curves[a]
	if curve == nil {
		return nil, wire.InvalidData
	}
	if len(data) != bareSize(a) {
		return nil, wire.WrongLength
	}
	key, err := ecdsa.ParseRawPrivateKey(curve, data)
	if err != nil {
		return nil, wire.InvalidData
	}
	return key, nil
}

func rsaOf(bits int, primes []byte) (*rsa.PrivateKey, error) {
	if len(primes) != bits/8 {
		return nil, wire.WrongLength
	}
	p, q := new(big.Int).SetBytes(primes[:bits/16]), new(big.Int).SetBytes(primes[bits/16:])
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	d := new(big.Int).ModInverse(big.NewInt(exponent), phi)
	if d == nil {
		return nil, wire.InvalidData
	}
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: exponent},
		D:         d,
		Primes:    []*big.Int{p, q},
	}
	if key.N.BitLen() != bits || key.Validate() != nil {
		return nil, wire.InvalidData
	}
	key.Precompute()
	return key, nil
}

// plain is the value as it stands below a wrapping: what pairOf takes, and
// behind it what follows from that; or the bytes of a secret key.
func (o *object) plain() []byte {
	switch v := o.value.(type) {
	case *rsa.PrivateKey:
		half := v.Size() / 2
		var out []byte
		for _, n := range []*big.Int{v.Primes[0], v.Primes[1], v.Precomputed.Dp, v.Precomputed.Dq, v.Precomputed.Qinv} {
			out = append(out, n.FillBytes(make([]byte, half))...)
		}
		return append(out, v.N.Bytes()...)
	case *ecdsa.PrivateKey:
		scalar, _ := v.Bytes() // every curve of the device is one of Go's
		point, _ := v.PublicKey.Bytes()
		return append(scalar, point[1:]...)
	case []byte:
		return v
	}
	return nil
}

func (c *call) generateSymmetric() ([]byte, error) {
	h := c.header()
	if err := c.in.Done(); err != nil {
		return nil, err
	}
	key, err := newSecret(h.algorithm, SymmetricKey)
	if err != nil {
		return nil, err
	}
	return c.create(SymmetricKey, h, generated, key)
}

// kinds are the types of objects that a secret key may be.
var kinds = map[Algorithm]Type{
	AES128: SymmetricKey, AES192: SymmetricKey, AES256: SymmetricKey,
	AES128CCMWrap: WrapKey, AES192CCMWrap: WrapKey, AES256CCMWrap: WrapKey,
}

func newSecret(a Algorithm, kind Type) ([]byte, error) {
	if kinds[a] != kind {
		return nil, wire.InvalidData
	}
	key := make([]byte, secretSizes[a])
	_, err := rand.Read(key)
	return key, err
}

func (c *call) putSymmetric() ([]byte, error) {
	h := c.header()
	key, err := secretOf(h.algorithm, SymmetricKey, c.in.Rest())
	if err != nil {
		return nil, err
	}
	return c.create(SymmetricKey, h, imported, key)
}

// secretOf checks the bytes of a secret key.
func secretOf(a Algorithm, kind Type, data []byte) ([]byte, error) {
	if kinds[a] != kind {
		return nil, wire.InvalidData
	}
	if len(data) != secretSizes[a] {
		return nil, wire.WrongLength
	}
	return append([]byte(nil), data...), nil
}

func (c *call) generateWrapKey() ([]byte, error) {
	h := c.delegatingHeader()
	if err := c.in.Done(); err != nil {
		return nil, err
	}
	key, err := c.newWrapKey(h.algorithm)
	if err != nil {
		return nil, err
	}
	return c.create(WrapKey, h, generated, key)
}

func (c *call) newWrapKey(a Algorithm) (any, error) {
	if rsaBits[a] == 0 {
		return newSecret(a, WrapKey)
	}
	if !c.device.wrapsRSA() {
		return nil, wire.InvalidData
	}
	return newPair(a)
}

func (c *call) putWrapKey() ([]byte, error) {
	h, data := c.delegatingHeader(), c.in.Rest()
	key, err := c.wrapKeyOf(h.algorithm, data)
	if err != nil {
		return nil, err
	}
	return c.create(WrapKey, h, imported, key)
}

func (c *call) wrapKeyOf(a Algorithm, data []byte) (any, error) {
	if rsaBits[a] == 0 {
		return secretOf(a, WrapKey, data)
	}
	if !c.device.wrapsRSA() {
		return nil, wire.InvalidData
	}
	return pairOf(a, data)
}

// putPublicWrapKey takes the modulus; the exponent is 65537.
func (c *call) putPublicWrapKey() ([]byte, error) {
	h, modulus := c.delegatingHeader(), c.in.Rest()
	bits := rsaBits[h.algorithm]
	if bits == 0 {
		return nil, wire.InvalidData
	}
	n := new(big.Int).SetBytes(modulus)
	if len(modulus) != bits/8 || n.BitLen() != bits {
		return nil, wire.WrongLength
	}
	return c.create(PublicWrapKey, h, imported, &rsa.PublicKey{N: n, E: exponent})
}
