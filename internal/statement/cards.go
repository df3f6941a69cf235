package statement

import (
	"errors"
	"fmt"
	"slices"

	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/quorum"
)

// Cards is a later card set. The KNSO that it ends signs it, and its own.
type Cards struct {
	Header
	Cards quorum.CardSet `json:"cards"`
	KNSO  SealedKey      `json:"knso"`
	KM    SealedKey      `json:"km"`
	Own   OwnPassphrases `json:"own_passphrases,omitzero"`
	// PINs are the PINs that the modules have at this moment, sealed under
	// the new world secret, so that the new cards can finish the replacement
	// on each.
	PINs []SealedPIN `json:"pins"`
}

// SealedPIN is the PINs of a module that the cards hold, each sealed under the
// world secret: base64 of RFC 5649, or "".
type SealedPIN struct {
	Module string `json:"module"`
	Sealed string `json:"sealed"`        // the SO PIN
	User   string `json:"user,omitzero"` // the user PIN
}

func (c *Cards) check() error {
	if err := c.Own.check(c.Cards.Quorum.N); err != nil {
		return err
	}
	for i, p := range c.PINs {
		if err := CheckModuleID(p.Module); err != nil {
			return fmt.Errorf("field pins: %w", err)
		}
		if slices.ContainsFunc(c.PINs[:i], func(o SealedPIN) bool { return o.Module == p.Module }) {
			return fmt.Errorf("field pins: the module %s appears twice", p.Module)
		}
	}
	return checkSet(c.Cards, c.KNSO, c.KM, c.Rehearsal)
}

// NewHKNSO names the KNSO that the statement brings into force.
func (c *Cards) NewHKNSO() fingerprint.Sum { return c.Cards.HKNSO }

// OwnPassphrases lists the cards, by their indexes in rising order, whose
// holders chose a passphrase instead of taking the one that was drawn.
type OwnPassphrases []int

func (o OwnPassphrases) check(n int) error {
	for i, index := range o {
		if index < 1 || index > n || i > 0 && index <= o[i-1] {
			return fmt.Errorf("field own_passphrases: expected cards of 1 to %d, in rising order", n)
		}
	}
	if o != nil && len(o) == 0 {
		return errors.New("field own_passphrases: it must be omitted when empty")
	}
	return nil
}

// checkSet compares the keys of a card set with the set.
func checkSet(set quorum.CardSet, knso, km SealedKey, rehearsal bool) error {
	if err := set.Check(); err != nil {
		return err
	}
	if set.Rehearsal != rehearsal {
		return errors.New("field cards.rehearsal does not match the statement")
	}
	signer, err := knso.Signer()
	if err != nil {
		return fmt.Errorf("field knso.public_key: %w", err)
	}
	sum, err := keykind.SPKIHash(signer)
	if err != nil {
		return fmt.Errorf("field knso.public_key: %w", err)
	}
	if sum != set.HKNSO {
		return errors.New("field cards.hknso is not the SHA-256 of knso.public_key")
	}
	if _, err := km.ModuleKey(); err != nil {
		return fmt.Errorf("field km.public_key: %w", err)
	}
	if knso.Sealed == "" || km.Sealed == "" {
		return errors.New("a sealed private half is missing")
	}
	return nil
}
