package rehearsal

import (
	"errors"
	"fmt"
	"slices"
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

const (
	typeRSA = "RSA-HSM"
	typeEC  = "EC-HSM"
	typeOct = "oct-HSM"
)

// allowedOps are the key_ops of a type; the first without asking for any. A
// key exchange key is RSA with import and nothing else.
func allowedOps(keyType string) []string {
	switch keyType {
	case typeRSA:
		return []string{"encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"}
	case typeEC:
		return []string{"sign", "verify"}
	}
	return []string{"encrypt", "decrypt", "wrapKey", "unwrapKey"}
}

// checkOps refuses key_ops that do not fit the type, are doubled, or mix
// import with others; none are the type's default.
func checkOps(keyType string, ops []string, exchange bool) ([]string, error) {
	if len(ops) == 0 {
		return allowedOps(keyType), nil
	}
	if exchange && keyType == typeRSA && slices.Equal(ops, []string{"import"}) {
		return ops, nil
	}
	for i, op := range ops {
		if !slices.Contains(allowedOps(keyType), op) || slices.Contains(ops[:i], op) {
			return nil, unsupportedOperations().because(fmt.Errorf("%s is not for a key of type %s here", op, keyType))
		}
	}
	return ops, nil
}

// decodeMaterial reads what private returned: PKCS#1 for RSA, the scalar as
// long as the field for EC, the bytes of oct.
func decodeMaterial(keyType, curve string, private []byte) (material, error) {
	switch keyType {
	case typeRSA:
		return decodeRSA(private)
	case typeEC:
		return decodeEC(curve, private)
	case typeOct:
		return newOct(private)
	}
	return nil, fmt.Errorf("no key type %s", keyType)
}

// generate makes a key; zero values are the service's defaults.
func generate(keyType, curve string, bits int) (material, error) {
	switch keyType {
	case typeRSA:
		return generateRSA(bits)
	case typeEC:
		return generateEC(curve)
	}
	return generateOct(bits)
}
