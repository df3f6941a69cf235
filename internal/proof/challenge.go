package proof

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/stamp"
	"byok/internal/strictjson"
)

const (
	challengeType    = "byok-challenge"
	challengeVersion = 1
	maxChallenge     = 4 << 10 // bytes
)

// NonceSize is the length in bytes of a challenge's nonce.
const NonceSize = 32

// Challenge is what a key in a vault is asked to prove itself on. The key
// never uses this file itself, but the text of [keykind.PossessionText] with the
// file's SHA-256: no one can have a customer's key sign a text of their choice.
type Challenge struct {
	Type    string    `json:"type"`
	Version int       `json:"version"`
	Nonce   string    `json:"nonce"` // NonceSize random bytes in hex, an auditor's if given
	Time    time.Time `json:"time"`
	KID     kek.ID    `json:"kid"`
	// Authorization is the sum of the authorization; another vendor's package has none.
	Authorization fingerprint.Sum `json:"authorization_sha256,omitzero"`
}

// newChallenge returns a challenge for the key and the bytes of its file. A
// nil nonce is drawn here.
func newChallenge(id kek.ID, authorization fingerprint.Sum, nonce []byte, now time.Time) ([]byte, error) {
	if nonce == nil {
		nonce = make([]byte, NonceSize)
		_, _ = rand.Read(nonce) // never fails, see crypto/rand
	}
	if len(nonce) != NonceSize {
		return nil, exitcode.Errorf(exitcode.Usage, "a nonce of %d bytes: %d are required", len(nonce), NonceSize)
	}
	return strictjson.Marshal(Challenge{
		Type:          challengeType,
		Version:       challengeVersion,
		Nonce:         hex.EncodeToString(nonce),
		Time:          stamp.Of(now),
		KID:           id,
		Authorization: authorization,
	})
}

// parseChallenge accepts only what newChallenge writes.
func parseChallenge(data []byte) (Challenge, error) {
	const name = "field challenge"
	var c Challenge
	if err := strictjson.Expect(name, data, maxChallenge, challengeType, challengeVersion); err != nil {
		return Challenge{}, err
	}
	if err := strictjson.Exact(name, data, maxChallenge, &c); err != nil {
		return Challenge{}, err
	}
	nonce, err := hex.DecodeString(c.Nonce)
	switch {
	case err != nil || len(nonce) != NonceSize || hex.EncodeToString(nonce) != c.Nonce:
		return Challenge{}, fmt.Errorf("%s: field nonce: expected %d lower-case hex digits", name, 2*NonceSize)
	case c.KID.IsZero():
		return Challenge{}, fmt.Errorf("%s: field kid is missing", name)
	}
	if err := stamp.Check(c.Time); err != nil {
		return Challenge{}, fmt.Errorf("%s: field time: %w", name, err)
	}
	return c, nil
}
