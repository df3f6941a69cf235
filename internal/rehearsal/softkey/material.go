// Package softkey is the keys of the rehearsal vault: RSA, EC and AES keys in
// software, with the algorithms of the service's HSMs.
//
// [Generate], [Decode] and [ParsePKCS8] give a [Material]; what one can do shows
// in whether it is a [Signer] or an [Encrypter]. Nothing here is protected: use
// it for no key of value.
package softkey

import (
	"errors"
	"fmt"
	"slices"

	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/rehearsal/wire"
)

// Material is a private or secret key, as the HSM would hold it.
type Material interface {
	Kind() string            // RSA, EC or oct
	Private() []byte         // for the state folder, see Decode
	Describe(into *wire.Key) // the public half
}

// Signer is a Material that signs digests (RSA, EC) with an algorithm that
// was found to be its own. Signatures are as in JWS: for EC the two
// integers side by side (RFC 7518, section 3.4).
type Signer interface {
	Sign(algorithm string, digest []byte) ([]byte, error)
	Verify(algorithm string, digest, signature []byte) bool
}

// Encrypter is a Material that encrypts and wraps (RSA, oct). It fails with
// [ErrAlgorithm] for one that is not its own.
type Encrypter interface {
	Encrypt(in wire.Operation) (wire.Result, error)
	Decrypt(in wire.Operation) (wire.Result, error)
}

// ErrAlgorithm is the error where the algorithm is one for other keys.
var ErrAlgorithm = errors.New("the algorithm is not for a key of this type and size")

// CheckOps refuses key_ops that do not fit the type, are doubled, or mix
// import with others; none are the type's default. With exchange, import alone
// is taken for an RSA key.
func CheckOps(keyType string, ops []string, exchange bool) ([]string, error) {
	if len(ops) == 0 {
		return keykind.KeyOps(keyType), nil
	}
	if exchange && keyType == keykind.RSAHSM && slices.Equal(ops, []string{kek.OpImport}) {
		return ops, nil
	}
	for i, op := range ops {
		if !slices.Contains(keykind.KeyOps(keyType), op) || slices.Contains(ops[:i], op) {
			return nil, wire.UnsupportedOperations().Because(fmt.Errorf("%s is not for a key of type %s here", op,
				keyType))
		}
	}
	return ops, nil
}

// Decode reads what Private returned: PKCS#1 for RSA, the scalar as
// long as the field for EC, the bytes of oct.
func Decode(keyType, curve string, private []byte) (Material, error) {
	switch keyType {
	case keykind.RSAHSM:
		return decodeRSA(private)
	case keykind.ECHSM:
		return decodeEC(curve, private)
	case keykind.OctHSM:
		return NewOct(private)
	}
	return nil, fmt.Errorf("no key type %s", keyType)
}

// Generate makes a key; zero values are the service's defaults.
func Generate(keyType, curve string, bits int) (Material, error) {
	switch keyType {
	case keykind.RSAHSM:
		return generateRSA(bits)
	case keykind.ECHSM:
		return generateEC(curve)
	}
	return generateOct(bits)
}
