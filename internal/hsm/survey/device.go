package survey

import (
	"byok/internal/hsm"
	"byok/internal/hsm/tokens"
	"byok/internal/library"
	"byok/internal/version"
)

// Device is what a check was made on, and with what: enough for whoever reads
// its result elsewhere.
type Device struct {
	Program    string             `json:"program"`
	Library    library.Identity   `json:"library"`
	Token      *hsm.Token         `json:"token"` // nil: there is none
	Mechanisms []tokens.Mechanism `json:"mechanisms"`
}

// Describe describes the module and its token with the given ID or, where that is
// "", the throw-away token of [ThrowAway]. Nothing is said of a token that does
// not answer.
func Describe(m *hsm.Module, id string) (Device, error) {
	identity, err := library.Identify(m.Path)
	if err != nil {
		return Device{}, err
	}
	d := Device{Program: version.String(), Library: identity, Mechanisms: []tokens.Mechanism{}}
	token, err := described(m, id)
	if err != nil {
		return d, nil
	}
	d.Token = &token
	if list, err := m.Offered(token); err == nil {
		d.Mechanisms = list
	}
	return d, nil
}

func described(m *hsm.Module, id string) (hsm.Token, error) {
	if id == "" {
		return throwAway(m)
	}
	return m.Token(id)
}
