package upload

import (
	"crypto"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/vault"
)

// Foreign is a key wrapped by another vendor's tool, on the person's word.
type Foreign struct {
	Key vault.Expected // without a public key nothing can be checked but the type
}

// NewForeign describes the key of a .byok without manifest: by its public key,
// or, unchecked, by its type alone. kty is the service's key type, with or
// without -HSM and in any case of letters; curve goes with EC. Beside a public
// key both only repeat what it says. Errors have the status Usage and name the
// options of byok-online upload.
func NewForeign(kty, curve string, public crypto.PublicKey, unchecked bool) (*Foreign, error) {
	switch {
	case public != nil && unchecked:
		return nil, exitcode.Errorf(exitcode.Usage, "--public-key and --unchecked are mutually exclusive")
	case public != nil:
		return foreignKey(kty, curve, public)
	case !unchecked:
		return nil, exitcode.Errorf(exitcode.Usage, "--kty: no public key to check the uploaded key against").
			Hint("give --public-key PEM, or --unchecked to skip the check")
	case kty == "":
		return nil, exitcode.Errorf(exitcode.Usage, "--unchecked needs --kty")
	}
	full := fullType(kty)
	if full == keykind.ECHSM && curve == "" {
		return nil, exitcode.Errorf(exitcode.Usage, "--kty %s needs --curve", full)
	}
	kinds, err := keykind.ForJWK(full, curve)
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Usage, "--kty and --curve: %w", err)
	}
	return &Foreign{vault.Expected{Kty: full, Crv: kinds[0].Curve}}, nil
}

// fullType returns the service's spelling of a key type, or what it got.
func fullType(kty string) string {
	for _, full := range []string{keykind.RSAHSM, keykind.ECHSM, keykind.OctHSM} {
		if strings.EqualFold(full, kty) || strings.EqualFold(strings.TrimSuffix(full, "-HSM"), kty) {
			return full
		}
	}
	return kty
}

func foreignKey(kty, curve string, public crypto.PublicKey) (*Foreign, error) {
	key, err := KeyOf(public)
	if err != nil {
		return nil, err
	}
	if kty != "" && fullType(kty) != key.Kty || curve != "" && !strings.EqualFold(curve, key.Crv) {
		return nil, exitcode.Errorf(exitcode.Usage, "--public-key is of type %s, which --kty and --curve contradict",
			strings.TrimSpace(key.Kty+" "+key.Crv))
	}
	return &Foreign{key}, nil
}

// KeyOf describes the key in a vault that a public key belongs to. Status
// Usage for a kind of key that the service does not import.
func KeyOf(public crypto.PublicKey) (vault.Expected, error) {
	kind, err := keykind.Of(public)
	if err != nil {
		return vault.Expected{}, exitcode.Mark(exitcode.Usage, err)
	}
	return vault.Expected{Kty: kind.KTY, Crv: kind.Curve, Bits: kind.Bits, PublicKey: public, Given: true}, nil
}
