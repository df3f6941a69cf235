package rehearsal

import (
	"errors"
	"fmt"

	"byok/internal/keykind"
	"byok/internal/rehearsal/softkey"
	"byok/internal/rehearsal/store"
	"byok/internal/rehearsal/wire"
)

// signatureAlgorithm is what an alg of sign and verify needs: a digest of so
// many bytes and, for ES, the one curve.
type signatureAlgorithm struct {
	digest int
	curve  string
}

func signatureAlgorithms() map[string]signatureAlgorithm {
	return map[string]signatureAlgorithm{
		"RS256": {32, ""}, "RS384": {48, ""}, "RS512": {64, ""},
		"PS256": {32, ""}, "PS384": {48, ""}, "PS512": {64, ""},
		"ES256": {32, "P-256"}, "ES384": {48, "P-384"}, "ES512": {64, "P-521"}, "ES256K": {32, softkey.Koblitz},
	}
}

// sign signs a digest: POST /keys/{name}/{version}/sign.
func (v *vault) sign(c *call) (any, error) {
	in, err := v.operation(c, "sign")
	if err != nil {
		return nil, err
	}
	s, err := signerFor(in.kid, in.key, in.Algorithm, in.Value)
	if err != nil {
		return nil, err
	}
	signature, err := s.Sign(in.Algorithm, in.Value)
	return wire.Result{KID: in.kid, Value: signature}, err
}

// verify checks a signature of a digest: POST /keys/{name}/{version}/verify.
func (v *vault) verify(c *call) (any, error) {
	in, err := v.operation(c, "verify")
	if err != nil {
		return nil, err
	}
	s, err := signerFor(in.kid, in.key, in.Algorithm, in.Digest)
	if err != nil {
		return nil, err
	}
	return wire.VerifyResult{Value: s.Verify(in.Algorithm, in.Digest, in.Value)}, nil
}

// signerFor checks that key, algorithm and digest go together.
func signerFor(kid string, key store.Version, algorithm string, digest []byte) (softkey.Signer, error) {
	s, signs := key.Material.(softkey.Signer)
	wanted, known := signatureAlgorithms()[algorithm]
	const incompatible = "Key and signing algorithm are incompatible. Key %s "
	switch isEC := key.Type == keykind.ECHSM; {
	case !signs || !known:
		return nil, wire.BadParameter("The algorithm %s is not supported for signing with this key", algorithm) // our text
	case isEC && wanted.curve == "":
		return nil, wire.BadParameter(incompatible+"is of type '%s', and algorithm '%s' can only be used with a key of "+
			"type 'RSA' or 'RSA-HSM'.",
			kid, key.Type, algorithm)
	case !isEC && wanted.curve != "":
		return nil, wire.BadParameter(
			incompatible+"is of type '%s', and algorithm '%s' can only be used with a key of type 'EC' or 'EC-HSM'.",
			kid, key.Type, algorithm)
	case key.Curve != wanted.curve:
		return nil, wire.BadParameter(incompatible+"uses curve '%s', and algorithm '%s' can only be used with curve '%s'.",
			kid, key.Curve, algorithm, wanted.curve)
	case len(digest) != wanted.digest:
		return nil, wire.BadParameter("Invalid length of 'value': %d bytes. %s requires %d bytes, encoded with base64url.",
			len(digest), algorithm, wanted.digest)
	}
	return s, nil
}

// transform serves encrypt, decrypt, wrapKey and unwrapKey, which differ only
// in the key_op they need. Why one fails stays in the log.
func transform(op string) func(*vault, *call) (any, error) {
	return func(v *vault, c *call) (any, error) {
		in, err := v.operation(c, op)
		if err != nil {
			return nil, err
		}
		apply := softkey.Encrypter.Encrypt
		if op == "decrypt" || op == "unwrapKey" {
			apply = softkey.Encrypter.Decrypt
		}
		// The key is of a type that encrypts, or it would not have op: see softkey.CheckOps.
		out, err := apply(in.key.Material.(softkey.Encrypter), in.Operation)
		switch {
		case errors.Is(err, softkey.ErrAlgorithm):
			return nil, wire.BadParameter("Key and encryption algorithm are incompatible. Key %s is of type '%s', and "+
				"algorithm '%s' can not be used with it.",
				in.kid, in.key.Type, in.Algorithm) // our text
		case err != nil:
			return nil, wire.BadParameter("The parameter is incorrect.").Because(fmt.Errorf("%s: %w", in.Algorithm, err))
		}
		out.KID = in.kid
		return out, nil
	}
}

// asked is a request to use a key, and the key.
type asked struct {
	wire.Operation
	kid string
	key store.Version
}

// operation reads the request and finds the key, which must allow op now.
func (v *vault) operation(c *call, op string) (a asked, err error) {
	if err = c.into(&a.Operation); err != nil {
		return a, err
	}
	name, key, err := v.version(c)
	if err != nil {
		return a, err
	}
	a.kid, a.key = v.kid(name, key.Version), key
	return a, key.AllowedFor(op)
}
