package pins

import (
	"fmt"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/secret"
	"byok/internal/statement"
)

// CheckPad refuses a token whose PINs are typed on the device where the cards are
// to hold one of them, which no person knows.
func CheckPad(t hsm.Token, g statement.Guard) error {
	if traits := g.Traits(); !t.PINPad() || !traits.SOPIN && !traits.UserPIN {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "the PINs of the token in slot %d are typed on the device, "+
		"and guard %s has the cards hold one", t.Slot, g).
		Hint("set the HSM up for PINs that a program gives, without its PIN pad or PED")
}

// Changed says what to do about a login that was refused because the PIN is not
// the one from the cards. Any other error, and nil, it returns as it is.
func (h Held) Changed(t hsm.Token, traits statement.Traits, err error) error {
	if !hsm.IsWrongPIN(err) {
		return err
	}
	err = fmt.Errorf("the %v PIN of %v is not the one from the cards, and somebody else may know it: %w", h.Role, t, err)
	return exitcode.Hint(err, "%s; keep kmdata for the auditor", h.remedy(traits))
}

func (h Held) remedy(traits statement.Traits) string {
	switch {
	case h.Role == hsm.RoleSO:
		return "byok-offline world recover puts the world on a token whose SO PIN the cards set"
	case traits.SOPIN:
		return "byok-offline world reset-pin --card DIR … sets it again"
	}
	return "set it back with the vendor's tool"
}

// Change changes the user PIN, which may have expired (C_SetPIN).
func Change(m *hsm.Module, t hsm.Token, old, next *secret.Bytes) error {
	on, err := m.Open(t)
	if err != nil {
		return err
	}
	defer on.Close()
	if err := on.Login(hsm.RoleUser, old); err != nil && !hsm.IsExpired(err) {
		return err
	}
	return on.ChangePIN(old, next)
}
