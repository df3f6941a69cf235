package hsm

import (
	"github.com/ThalesIgnite/crypto11"

	"byok/internal/secret"
)

// User is a session logged in with the user PIN, the operator at work, beside
// crypto11, which generates and signs. Open no SO session while it is open.
type User struct {
	*Session
	c11 *crypto11.Context
}

// User logs in to t with the user PIN.
func (m *Module) User(t Token, pin *secret.Bytes) (*User, error) {
	panic("TODO")
}

// Close ends the session and logs out. The module stays usable. Closing twice
// is harmless.
func (u *User) Close() error {
	panic("TODO")
}

// Generate is [Session.Generate] on the token, through crypto11.
func (u *User) Generate(spec Spec, label string) (Key, error) {
	panic("TODO")
}

// GenerateKML is [Session.GenerateKML], through crypto11.
func (u *User) GenerateKML(label string) (Key, error) {
	panic("TODO")
}

// Sign is [Session.Sign], through crypto11.
func (u *User) Sign(k Key, message []byte) ([]byte, error) {
	panic("TODO")
}
