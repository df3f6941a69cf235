package statement

import (
	"crypto"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"

	"byok/internal/fingerprint"
	"byok/internal/keykind"
)

// Identity is how a key is known without its value: by its public half, or,
// for AES, by its check value.
type Identity struct {
	KeyType   keykind.Type `json:"key_type"`            // RSA, EC or AES
	Bits      int          `json:"bits"`                // modulus, field or key size
	Curve     string       `json:"curve,omitzero"`      // EC: P-256, P-384, P-521 or P-256K
	PublicKey string       `json:"public_key,omitzero"` // PEM; none for AES
	// CheckValue is AES-ECB of 16 zero bytes under the key, 32 lower-case hex
	// digits. PKCS#11's CKA_CHECK_VALUE is its first three bytes.
	CheckValue string `json:"check_value,omitzero"`
}

// IdentityOf describes a key by its public half, or by the check value of an
// AES key of the given size where public is nil.
func IdentityOf(public crypto.PublicKey, bits int, checkValue []byte) (Identity, error) {
	if public == nil {
		return Identity{KeyType: keykind.AES, Bits: bits, CheckValue: hex.EncodeToString(checkValue)}, nil
	}
	kind, err := keykind.Of(public)
	if err != nil {
		return Identity{}, err
	}
	pem, err := keykind.MarshalPublicKey(public)
	return Identity{KeyType: kind.Type, Bits: kind.Bits, Curve: kind.Curve, PublicKey: pem}, err
}

// Kind looks up the key's kind.
func (i Identity) Kind() (keykind.Kind, error) { return keykind.Lookup(i.KeyType, i.Bits, i.Curve) }

// Secret reports whether it is an AES key, which has no public half.
func (i Identity) Secret() bool { return i.KeyType == keykind.AES }

// Public returns the public half, nil for AES.
func (i Identity) Public() crypto.PublicKey {
	public, err := keykind.ParsePublicKey(i.PublicKey)
	if err != nil {
		return nil
	}
	return public
}

// Same reports whether both are the same key.
func (i Identity) Same(o Identity) bool {
	if i.KeyType != o.KeyType || i.Bits != o.Bits || i.Curve != o.Curve || i.PublicKey != o.PublicKey {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(i.CheckValue), []byte(o.CheckValue)) == 1
}

// String names the kind for people: "RSA-2048", "P-256", "AES-256".
func (i Identity) String() string {
	kind, err := i.Kind()
	if err != nil {
		return string(i.KeyType)
	}
	return kind.String()
}

// Check refuses a key of no kind, and one whose public half or check value does
// not belong to its kind.
func (i Identity) Check() error {
	kind, err := i.Kind()
	if err != nil {
		return err
	}
	if i.Secret() {
		return i.checkSecret()
	}
	public, err := keykind.ParsePublicKey(i.PublicKey)
	if err != nil {
		return fmt.Errorf("field public_key: %w", err)
	}
	if is, err := keykind.Of(public); err != nil || is != kind {
		return fmt.Errorf("field public_key: it is not of type %v", i)
	}
	if i.CheckValue != "" {
		return errors.New("field check_value: only AES keys have one")
	}
	return nil
}

func (i Identity) checkSecret() error {
	raw, err := hex.DecodeString(i.CheckValue)
	switch {
	case i.PublicKey != "":
		return errors.New("field public_key: AES keys have none")
	case err != nil || len(raw) != 16 || hex.EncodeToString(raw) != i.CheckValue:
		return errors.New("field check_value: expected 32 lower-case hex digits")
	}
	return nil
}

// CheckBytes is the check value as 16 bytes; nil for a key with a public half.
func (i Identity) CheckBytes() []byte {
	raw, err := hex.DecodeString(i.CheckValue)
	if err != nil || len(raw) == 0 {
		return nil
	}
	return raw
}

// Fingerprint is the SHA-256 of the key's SubjectPublicKeyInfo. It fails for
// an AES key, which has no public half.
func (i Identity) Fingerprint() (fingerprint.Sum, error) {
	public := i.Public()
	if public == nil {
		return fingerprint.Sum{}, errors.New("an AES key has no public half")
	}
	return keykind.SPKIHash(public)
}
