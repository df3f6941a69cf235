package quorum

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base32"

	"byok/internal/exitcode"
	"byok/internal/secret"
)

// Secret is a world secret: a non-zero Ristretto255 scalar, 32 bytes
// little-endian, in locked memory. Nothing leaves it but keys and PINs, one
// for each purpose in its context.
type Secret struct{ scalar *secret.Bytes }

// Wipe wipes the secret, and what it has opened since; twice, or on nil, is
// harmless.
func (s *Secret) Wipe() {
	if s != nil {
		s.scalar.Wipe()
		secret.Collect()
	}
}

// keySize is the length of a sealing key in bytes: AES-256.
const keySize = 32

// The lengths of a PIN in characters, and the strength in bits under which a
// PIN has to be called weak, aloud and in the record.
const (
	MinPIN  = 8
	MaxPIN  = 40
	WeakPIN = 80
)

// PINBits returns the strength in bits of a PIN of so many characters: 5 each.
// Less than [WeakPIN] must be said to the quorum and written to the record.
func PINBits(length int) int { return 5 * length }

// PIN returns the text of a PIN of [MinPIN] to [MaxPIN] characters from the
// base32 alphabet (RFC 4648, section 6): A to Z and 2 to 7, 5 bits each. Use
// the longest that the token takes: tokens do not all lock out whoever
// guesses. A shorter PIN of the same purpose and context is the beginning of a
// longer one. A purpose that makes a key, a context that does not fit the
// purpose and a length out of range have status Failed: the caller is wrong.
func (s *Secret) PIN(c Context, p Purpose, length int) (*secret.Bytes, error) {
	if err := p.check(c, makesPIN); err != nil {
		return nil, err
	}
	if length < MinPIN || length > MaxPIN {
		return nil, exitcode.Errorf(exitcode.Failed, "purpose %s: a PIN has %d to %d characters, not %d",
			p, MinPIN, MaxPIN, length)
	}
	raw, err := s.derive(c.info(p), (PINBits(length)+7)/8)
	if err != nil {
		return nil, err
	}
	defer raw.Wipe()
	alphabet := base32.StdEncoding.WithPadding(base32.NoPadding)
	text := secret.New(alphabet.EncodedLen(raw.Len()))
	defer text.Wipe()
	secret.Erased(func() { alphabet.Encode(text.Reveal(), raw.Reveal()) })
	pin := secret.New(length)
	copy(pin.Reveal(), text.Reveal())
	return pin, nil
}

// Key returns the AES-256 key of a purpose, 32 bytes, for one sealed blob. Use
// [Seal] and [Unseal], which call it; it is exported for those who check by
// hand. A purpose that makes a PIN and a context that does not fit the purpose
// have status Failed.
func (s *Secret) Key(c Context, p Purpose) (*secret.Bytes, error) {
	if err := p.check(c, makesKey); err != nil {
		return nil, err
	}
	return s.derive(c.info(p), keySize)
}

// derive returns n bytes of HKDF-SHA256 (RFC 5869) of the secret, without salt.
func (s *Secret) derive(info string, n int) (out *secret.Bytes, err error) {
	if s.scalar.Len() == 0 {
		return nil, exitcode.Errorf(exitcode.Failed, "the world secret has been wiped")
	}
	secret.Scoped(func() {
		var key []byte
		key, err = hkdf.Key(sha256.New, s.scalar.Reveal(), nil, info, n)
		out = secret.Take(key)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
