package hsm

import (
	"byok/internal/keykind"
)

// Spec says what key to generate.
type Spec struct {
	Kind     keykind.Kind
	Exponent uint32 // RSA public exponent; 0 means 65537
}

// Generate generates a key that only a trusted key can ever wrap: SENSITIVE,
// EXTRACTABLE, WRAP_WITH_TRUSTED and SIGN (AES: ENCRYPT) from birth. Its
// public half, if it has one, has the same label and CKA_ID.
func (s *Session) Generate(spec Spec, label string, place Place) (Key, error) {
	panic("TODO")
}

// GenerateKML generates the module signing key, EC on P-256, as a token object
// that cannot be extracted.
func (s *Session) GenerateKML(label string) (Key, error) {
	panic("TODO")
}
