package enact

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/keywrap"
	"byok/internal/policy"
	"byok/internal/policy/token"
)

// Steps that give a value.

func (s *stage) value(d *policy.Derivation, t token.Term) (any, error) {
	switch d.Step.Op {
	case policy.WrapKey:
		return s.raw.Wrap(parameters(d.Step.Mechanism), s.handle(d.From[0]), s.handle(d.From[1]))
	case policy.Read:
		return s.read(d, t)
	case policy.DecryptBy:
		return s.decryptBy(d)
	case policy.EncryptBy:
		return s.encryptBy(d, t)
	case policy.Decipher:
		return s.decipher(d)
	}
	return s.software(d, t)
}

// software is what takes no token and no vault.
func (s *stage) software(d *policy.Derivation, t token.Term) (any, error) {
	var from [][]byte
	for _, x := range d.From {
		from = append(from, s.bytes(x))
	}
	switch d.Step.Op {
	case policy.Invent:
		return s.invented(t)
	case policy.OpenKWP:
		if len(from) == 0 { // KM, by the cards
			return x509.MarshalPKCS8PrivateKey(oldKM())
		}
		return keywrap.Unwrap(from[0], from[1])
	case policy.OpenOAEP:
		key, err := x509.ParsePKCS8PrivateKey(from[0])
		if err != nil {
			return nil, err
		}
		return s.openOAEP(key.(*rsa.PrivateKey), from[1]), nil
	case policy.SealKWP:
		return keywrap.Wrap(from[len(from)-1], from[0])
	case policy.SealOAEP:
		return s.sealOAEP(s.rsaOf(t.(token.OAEP).To), from[0]), nil
	case policy.Encipher:
		return checkValue(from[0])
	case policy.TakeOff:
		return s.half(d, t, from[0])
	case policy.PutOn:
		return slices.Concat(from[0], from[1]), nil
	}
	return nil, fmt.Errorf("no way to %s", d.Step.Op)
}

func (s *stage) invented(t token.Term) (any, error) {
	if t.(token.Key).Kind == token.AES {
		return ownAES, nil
	}
	return x509.MarshalPKCS8PrivateKey(ownKey())
}

func checkValue(key []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, aes.BlockSize)
	block.Encrypt(out, out)
	return out, nil
}

// half is a part of a blob or of a joined key.
func (s *stage) half(d *policy.Derivation, t token.Term, whole []byte) (any, error) {
	switch from := d.From[0].Fact.(policy.Knows).Term.(type) {
	case token.Blob:
		n := s.rsaOf(from.First.To).Size()
		if t == token.Term(from.First) {
			return whole[:n], nil
		}
		return whole[n:], nil
	case token.Joined:
		if t == from.First {
			return whole[:32], nil
		}
		return whole[32:], nil
	}
	return nil, errors.New("it has no parts")
}

// read is CKA_VALUE, or what a private key has instead, as PKCS#8.
func (s *stage) read(d *policy.Derivation, t token.Term) (any, error) {
	o := s.handle(d.From[0])
	k, is := t.(token.Key)
	if is && k.Kind == token.RSA {
		return s.readRSA(o)
	}
	values, err := s.raw.Read(o, pkcs11.CKA_VALUE)
	if err != nil || !is || k.Kind == token.AES {
		return values[0], err
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), values[0])
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

func (s *stage) readRSA(o p11.Object) (any, error) {
	v, err := s.raw.Read(o, pkcs11.CKA_MODULUS, pkcs11.CKA_PRIVATE_EXPONENT, pkcs11.CKA_PRIME_1, pkcs11.CKA_PRIME_2)
	if err != nil {
		return nil, err
	}
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: number(v[0]), E: 65537}, D: number(v[1]), Primes: []*big.Int{number(v[2]), number(v[3])},
	}
	key.Precompute()
	return x509.MarshalPKCS8PrivateKey(key)
}

func number(b []byte) *big.Int { return new(big.Int).SetBytes(b) }

// decryptBy opens a value by C_Decrypt: an AES layer block by block, as Clulow
// did.
func (s *stage) decryptBy(d *policy.Derivation) (any, error) {
	o, sealed := s.handle(d.From[0]), s.bytes(d.From[1])
	if d.Step.Mechanism != p11.KWP {
		if err := s.raw.Ctx.DecryptInit(s.raw.Handle, p11.OAEP(), o); err != nil {
			return nil, err
		}
		return s.raw.Ctx.Decrypt(s.raw.Handle, sealed)
	}
	return unwrapWith(sealed, func(block []byte) ([]byte, error) { return s.ecb(o, block) })
}

func (s *stage) ecb(o p11.Object, block []byte) ([]byte, error) {
	if err := s.raw.Ctx.DecryptInit(s.raw.Handle, p11.Mechanism(pkcs11.CKM_AES_ECB), o); err != nil {
		return nil, err
	}
	return s.raw.Ctx.Decrypt(s.raw.Handle, block)
}

// encryptBy is the check value, or an AES layer built block by block.
func (s *stage) encryptBy(d *policy.Derivation, t token.Term) (any, error) {
	o := s.handle(d.From[0])
	if _, is := t.(token.CheckValue); is {
		return s.encrypted(o, make([]byte, aes.BlockSize))
	}
	return wrapWith(s.bytes(d.From[1]), func(block []byte) ([]byte, error) { return s.encrypted(o, block) })
}

func (s *stage) encrypted(o p11.Object, block []byte) ([]byte, error) {
	if err := s.raw.Ctx.EncryptInit(s.raw.Handle, p11.Mechanism(pkcs11.CKM_AES_ECB), o); err != nil {
		return nil, err
	}
	return s.raw.Ctx.Encrypt(s.raw.Handle, block)
}

// cipherOf is a block cipher that somebody else runs.
type cipherOf func(block []byte) ([]byte, error)

// unwrapWith undoes RFC 5649 with single decryptions.
func unwrapWith(sealed []byte, decrypt cipherOf) ([]byte, error) {
	n := uint64(len(sealed)/8 - 1)
	register, rest := sealed[:8], bytes.Clone(sealed[8:])
	for step := 6 * n; step > 0; step-- {
		at := rest[(step-1)%n*8:][:8]
		count := binary.BigEndian.Uint64(register) ^ step
		out, err := decrypt(append(binary.BigEndian.AppendUint64(nil, count), at...))
		if err != nil {
			return nil, err
		}
		register = out[:8]
		copy(at, out[8:])
	}
	length := binary.BigEndian.Uint32(register[4:])
	if !bytes.Equal(register[:4], []byte{0xa6, 0x59, 0x59, 0xa6}) || int(length) > len(rest) {
		return nil, errors.New("the integrity check of RFC 5649 fails")
	}
	return rest[:length], nil
}

// wrapWith makes RFC 5649 of more than 8 bytes with single encryptions.
func wrapWith(value []byte, encrypt cipherOf) ([]byte, error) {
	register := binary.BigEndian.AppendUint32([]byte{0xa6, 0x59, 0x59, 0xa6}, uint32(len(value)))
	rest := append(bytes.Clone(value), make([]byte, -len(value)&7)...)
	n := uint64(len(rest) / 8)
	for step := uint64(1); step <= 6*n; step++ {
		at := rest[(step-1)%n*8:][:8]
		out, err := encrypt(slices.Concat(register, at))
		if err != nil {
			return nil, err
		}
		register = binary.BigEndian.AppendUint64(nil, binary.BigEndian.Uint64(out)^step)
		copy(at, out[8:])
	}
	return append(register, rest...), nil
}

func (s *stage) openOAEP(key *rsa.PrivateKey, sealed []byte) []byte {
	s.Helper()
	plain, err := key.Decrypt(nil, sealed, &rsa.OAEPOptions{Hash: crypto.SHA1})
	s.must(err)
	return plain
}

func (s *stage) sealOAEP(key *rsa.PublicKey, value []byte) []byte {
	s.Helper()
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, key, value, nil)
	s.must(err)
	return sealed
}

// publicOf parses PKCS#8, behind which SoftHSM leaves zeros.
func publicOf(der []byte) (any, error) {
	var whole asn1.RawValue
	if _, err := asn1.Unmarshal(der, &whole); err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(whole.FullBytes)
	if err != nil {
		return nil, err
	}
	return key.(crypto.Signer).Public(), nil
}
