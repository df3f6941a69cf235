package pins

import (
	"crypto/rand"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/tokens"
	"byok/internal/secret"
	"byok/internal/statement"
)

// Lone is the name of the finding that no SO can reset the user PIN of a token.
const Lone = "no SO logs in, who could reset the user PIN"

// TakeLone makes next the user PIN of a token on which no SO can set another one:
// [Lone], which it proves, is the finding. old is the present PIN, unless an
// interrupted run has changed it. empty refuses a token that is not empty, with the
// PIN that it has, before the PIN is changed and afterwards.
func TakeLone(
	m *hsm.Module, t hsm.Token, old, next *secret.Bytes, empty func(pin *secret.Bytes) error,
) (statement.Finding, error) {
	proved := statement.Finding{Name: Lone, Outcome: "held"}
	if err := proveLone(m, t); err != nil {
		return proved, err
	}
	err := empty(old)
	if hsm.IsWrongPIN(err) {
		return proved, empty(next)
	}
	if err != nil {
		return proved, err
	}
	if err := Change(m, t, old, next); err != nil {
		return proved, err
	}
	return proved, empty(next)
}

// proveLone proves that a token has no SO role: a login as SO is refused because
// of the role and not of the PIN, with an empty PIN and with a random one. No role
// may be logged in.
func proveLone(m *hsm.Module, t hsm.Token) error {
	random := secret.Take([]byte(rand.Text()))
	for _, pin := range []*secret.Bytes{secret.New(0), random} {
		if err := refusesSO(m, t, pin); err != nil {
			return err
		}
	}
	return nil
}

func refusesSO(m *hsm.Module, t hsm.Token, pin *secret.Bytes) error {
	on, err := m.Open(t)
	if err != nil {
		return err
	}
	defer on.Close()
	err = on.Login(hsm.RoleSO, pin)
	if tokens.HasNoSO(err) {
		return nil
	}
	if err == nil {
		return exitcode.Errorf(exitcode.HSM, "%v lets anybody in as SO, who resets the user PIN", t)
	}
	return exitcode.Errorf(exitcode.HSM, "%v may have an SO role, which resets the user PIN: %w", t, err)
}
