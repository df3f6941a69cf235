package softkey

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1"   // for crypto.SHA1.New
	_ "crypto/sha256" // for crypto.SHA256.New
	_ "crypto/sha512" // for crypto.SHA384.New and crypto.SHA512.New
	"crypto/x509"
	"errors"
	"math/big"
	"strings"

	"byok/internal/keykind"
	"byok/internal/rehearsal/wire"
)

var errDecrypt = errors.New("the ciphertext is not for this key and padding")

// RSA is an RSA key of 2048, 3072 or 4096 bits.
type RSA struct{ *rsa.PrivateKey }

func newRSA(key *rsa.PrivateKey) (Material, error) {
	if _, err := keykind.Lookup(keykind.RSA, key.N.BitLen(), ""); err != nil {
		return nil, err
	}
	return RSA{key}, nil
}

func decodeRSA(der []byte) (Material, error) {
	key, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, errors.New("not an RSA private key")
	}
	return newRSA(key)
}

func generateRSA(bits int) (Material, error) {
	if bits == 0 {
		bits = 2048
	}
	if _, err := keykind.Lookup(keykind.RSA, bits, ""); err != nil {
		return nil, wire.BadParameter("Invalid key_size: %d. An RSA key has 2048, 3072 or 4096 bits", bits) // our text
	}
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, err
	}
	return newRSA(key)
}

// Kind implements Material.
func (k RSA) Kind() string { return "RSA" }

// Size returns the length in bits.
func (k RSA) Size() int { return k.N.BitLen() }

// Private implements Material.
func (k RSA) Private() []byte { return x509.MarshalPKCS1PrivateKey(k.PrivateKey) }

// Describe implements Material.
func (k RSA) Describe(into *wire.Key) {
	into.N, into.E = k.N.Bytes(), big.NewInt(int64(k.E)).Bytes()
}

// hashOf is the hash that the digits of RS256, PS384, … name.
func hashOf(algorithm string) crypto.Hash {
	return map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[algorithm[2:]]
}

// Sign implements Signer.
func (k RSA) Sign(algorithm string, digest []byte) ([]byte, error) {
	if strings.HasPrefix(algorithm, "PS") {
		return rsa.SignPSS(rand.Reader, k.PrivateKey, hashOf(algorithm), digest, pss())
	}
	return rsa.SignPKCS1v15(nil, k.PrivateKey, hashOf(algorithm), digest)
}

// Verify implements Signer.
func (k RSA) Verify(algorithm string, digest, signature []byte) bool {
	if strings.HasPrefix(algorithm, "PS") {
		return rsa.VerifyPSS(&k.PublicKey, hashOf(algorithm), digest, signature, pss()) == nil
	}
	return rsa.VerifyPKCS1v15(&k.PublicKey, hashOf(algorithm), digest, signature) == nil
}

// pss has the salt of RFC 7518, section 3.5.
func pss() *rsa.PSSOptions { return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash} }

// Encrypt implements Encrypter.
func (k RSA) Encrypt(in wire.Operation) (out wire.Result, err error) {
	switch in.Algorithm {
	case "RSA1_5":
		//lint:ignore SA1019 the service still offers RSA1_5
		out.Value, err = rsa.EncryptPKCS1v15(rand.Reader, &k.PublicKey, in.Value)
	case "RSA-OAEP":
		out.Value, err = rsa.EncryptOAEP(crypto.SHA1.New(), rand.Reader, &k.PublicKey, in.Value, nil)
	case "RSA-OAEP-256":
		out.Value, err = rsa.EncryptOAEP(crypto.SHA256.New(), rand.Reader, &k.PublicKey, in.Value, nil)
	default:
		err = ErrAlgorithm
	}
	return out, err
}

// Decrypt implements Encrypter.
func (k RSA) Decrypt(in wire.Operation) (out wire.Result, err error) {
	switch in.Algorithm {
	case "RSA1_5":
		//lint:ignore SA1019 the service still offers RSA1_5
		out.Value, err = rsa.DecryptPKCS1v15(nil, k.PrivateKey, in.Value)
	case "RSA-OAEP":
		out.Value, err = k.OpenOAEP(crypto.SHA1, in.Value)
	case "RSA-OAEP-256":
		out.Value, err = k.OpenOAEP(crypto.SHA256, in.Value)
	default:
		return out, ErrAlgorithm
	}
	if err != nil {
		err = errDecrypt
	}
	return out, err
}

// OpenOAEP uses one hash for the label and for MGF1, as the service does.
func (k RSA) OpenOAEP(hash crypto.Hash, ciphertext []byte) ([]byte, error) {
	return rsa.DecryptOAEP(hash.New(), nil, k.PrivateKey, ciphertext, nil)
}
