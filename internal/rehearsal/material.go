package rehearsal

import (
	"errors"
	"fmt"
	"slices"

	"byok/internal/kek"
	"byok/internal/keykind"
)

// material is a private or secret key, as the HSM would hold it.
type material interface {
	kind() string              // RSA, EC or oct
	private() []byte           // for the state folder, see decodeMaterial
	describe(into *jsonWebKey) // the public half
}

// signer is a material that signs digests (RSA, EC) with an algorithm that
// signerFor found to be its own. Signatures are as in JWS: for EC the two
// integers side by side (RFC 7518, section 3.4).
type signer interface {
	sign(algorithm string, digest []byte) ([]byte, error)
	verify(algorithm string, digest, signature []byte) bool
}

// encrypter is a material that encrypts and wraps (RSA, oct). It fails with
// errAlgorithm for one that is not its own.
type encrypter interface {
	encrypt(in operation) (operationResult, error)
	decrypt(in operation) (operationResult, error)
}

var errAlgorithm = errors.New("the algorithm is not for a key of this type and size")

// checkOps refuses key_ops that do not fit the type, are doubled, or mix
// import with others; none are the type's default.
func checkOps(keyType string, ops []string, exchange bool) ([]string, error) {
	if len(ops) == 0 {
		return keykind.KeyOps(keyType), nil
	}
	if exchange && keyType == keykind.RSAHSM && slices.Equal(ops, []string{kek.OpImport}) {
		return ops, nil
	}
	for i, op := range ops {
		if !slices.Contains(keykind.KeyOps(keyType), op) || slices.Contains(ops[:i], op) {
			return nil, unsupportedOperations().because(fmt.Errorf("%s is not for a key of type %s here", op,
				keyType))
		}
	}
	return ops, nil
}

// decodeMaterial reads what private returned: PKCS#1 for RSA, the scalar as
// long as the field for EC, the bytes of oct.
func decodeMaterial(keyType, curve string, private []byte) (material, error) {
	switch keyType {
	case keykind.RSAHSM:
		return decodeRSA(private)
	case keykind.ECHSM:
		return decodeEC(curve, private)
	case keykind.OctHSM:
		return newOct(private)
	}
	return nil, fmt.Errorf("no key type %s", keyType)
}

// generate makes a key; zero values are the service's defaults.
func generate(keyType, curve string, bits int) (material, error) {
	switch keyType {
	case keykind.RSAHSM:
		return generateRSA(bits)
	case keykind.ECHSM:
		return generateEC(curve)
	}
	return generateOct(bits)
}
