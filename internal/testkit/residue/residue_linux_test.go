package residue

import (
	"crypto/rand"
	"encoding/hex"
	"testing"

	"byok/internal/secret"
)

func TestCount(t *testing.T) {
	s := secret.New(24)
	_, _ = rand.Read(s.Reveal())
	text := secret.New(48)
	hex.Encode(text.Reveal(), s.Reveal())
	plain, digits := Of("the secret", s), OfHex("the secret", s)
	if plain.String() != "the secret" || digits.String() != "the secret in hex" {
		t.Errorf("the needles are called %q and %q", plain, digits)
	}
	if a, b := plain.Count(t), digits.Count(t); a != 1 || b != 1 {
		t.Errorf("found %d and %d times", a, b)
	}
	s.Wipe()
	text.Wipe()
	if a, b := plain.Count(t), digits.Count(t); a != 0 || b != 0 {
		t.Errorf("wiped, and found %d and %d times", a, b)
	}
}
