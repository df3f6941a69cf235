package world

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/quorum"
	"byok/internal/secret"
)

// Quorate is K cards of one card set, read: with it one can log in as security
// officer and derive the module key. Wipe it after use.
type Quorate struct {
	Set    quorum.CardSet
	secret *quorum.Secret
	sealed string // the SO PIN of an adopted token
}

// Wipe wipes the world secret.
func (q *Quorate) Wipe() {
	if q != nil {
		q.secret.Wipe()
	}
}

// soPIN is derived from the world secret, or sealed under it.
func (q *Quorate) soPIN() (*secret.Bytes, error) {
	if q.sealed == "" {
		return q.secret.SOPIN()
	}
	return unsealPIN(q.secret, q.sealed)
}

// officer logs in as security officer.
func (q *Quorate) officer(m *hsm.Module, t hsm.Token) (*hsm.SecurityOfficer, error) {
	pin, err := q.soPIN()
	if err != nil {
		return nil, err
	}
	defer pin.Wipe()
	so, err := m.SecurityOfficer(t, pin)
	if err != nil {
		return nil, fmt.Errorf("the cards are this world's, but %w", err)
	}
	return so, nil
}

// sealInfo is the HKDF info string of the key that seals an adopted token's SO PIN.
const sealInfo = "byok v1 so pin seal"

// sealPIN encrypts an SO PIN that could not be derived: AES-256-GCM (NIST SP
// 800-38D) under a key derived from the world secret, a random nonce of 12
// bytes in front, base64.
func sealPIN(s *quorum.Secret, pin *secret.Bytes) (text string, err error) {
	secret.Erased(func() {
		var aead cipher.AEAD
		if aead, err = sealer(s); err != nil {
			return
		}
		nonce := make([]byte, aead.NonceSize())
		_, _ = rand.Read(nonce) // never fails (Go 1.24)
		text = base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, pin.Reveal(), []byte(sealInfo)))
	})
	return text, err
}

func unsealPIN(s *quorum.Secret, text string) (pin *secret.Bytes, err error) {
	secret.Erased(func() { pin, err = unseal(s, text) })
	return pin, err
}

func unseal(s *quorum.Secret, text string) (*secret.Bytes, error) {
	aead, err := sealer(s)
	if err != nil {
		return nil, err
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) < aead.NonceSize() {
		return nil, exitcode.Errorf(exitcode.Usage, "the sealed SO PIN in the world file is malformed")
	}
	pin, err := aead.Open(nil, data[:aead.NonceSize()], data[aead.NonceSize():], []byte(sealInfo))
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Check, "the sealed SO PIN in the world file does not open with these cards")
	}
	return secret.Take(pin), nil
}

func sealer(s *quorum.Secret) (cipher.AEAD, error) {
	key, err := s.Derive(sealInfo, 32)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	block, err := aes.NewCipher(key.Reveal())
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
