package quorum

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base32"

	"byok/internal/secret"
)

// The info strings of what is derived from the world secret. They belong to
// card format version 1 and never change within it; another use takes another
// string.
const (
	infoSOPIN     = "byok v1 so-pin"
	infoModuleKey = "byok v1 module-key"
)

// Secret is a world secret: a non-zero Ristretto255 scalar, 32 bytes
// little-endian, in locked memory.
type Secret struct{ scalar *secret.Bytes }

// Wipe wipes the secret; twice, or on nil, is harmless.
func (s *Secret) Wipe() {
	if s != nil {
		s.scalar.Wipe()
	}
}

// SOPIN returns the security officer's PIN: the base32 text (RFC 4648,
// section 6, no padding) of 20 derived bytes, 32 characters of A–Z and 2–7
// carrying 160 bits. Tokens that do not lock out a guessing SO make that
// necessary; 32 characters fit the shortest PIN limit among network HSMs.
func (s *Secret) SOPIN() (*secret.Bytes, error) {
	raw, err := s.Derive(infoSOPIN, 20)
	if err != nil {
		return nil, err
	}
	defer raw.Wipe()
	pin := secret.New(base32.StdEncoding.EncodedLen(raw.Len()))
	base32.StdEncoding.Encode(pin.Reveal(), raw.Reveal())
	return pin, nil
}

// ModuleKey returns KM, a 32-byte AES key.
func (s *Secret) ModuleKey() (*secret.Bytes, error) {
	return s.Derive(infoModuleKey, 32)
}

// Derive returns n bytes of HKDF-SHA256 (RFC 5869) of the secret, without
// salt. Use SOPIN and ModuleKey where they fit; a further use needs an info
// string of its own, "byok v1 " and a name.
func (s *Secret) Derive(info string, n int) (out *secret.Bytes, err error) {
	secret.Erased(func() {
		var key []byte
		key, err = hkdf.Key(sha256.New, s.scalar.Reveal(), nil, info, n)
		out = secret.Take(key)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
