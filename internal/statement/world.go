package statement

import (
	"errors"
	"fmt"

	"byok/internal/quorum"
)

// Suites. Both make the same world: an EC P-256 signing key and RSA-3072
// module keys, 128-bit strength.
const (
	SuiteDefault = "DLf3072s256mRijndael"
	SuiteOld     = "DLf1024s160mRijndael"
)

// World is the world file, local/world, statement number 1. It never changes.
type World struct {
	Header
	Label string         `json:"label"`
	Suite string         `json:"cipher_suite"`
	Guard Guard          `json:"guard"` // the least that any of its modules may have
	Cards quorum.CardSet `json:"cards"`
	KNSO  SealedKey      `json:"knso"`
	KM    SealedKey      `json:"km"`
	Own   OwnPassphrases `json:"own_passphrases,omitzero"`
}

func (w *World) check() error {
	if err := CheckLabel(w.Label); err != nil {
		return fmt.Errorf("field label: %w", err)
	}
	if w.Suite != SuiteDefault && w.Suite != SuiteOld {
		return fmt.Errorf("field cipher_suite: expected %s or %s", SuiteDefault, SuiteOld)
	}
	if err := w.Guard.check(); err != nil {
		return err
	}
	if w.HKNSO != w.Cards.HKNSO {
		return errors.New("field hknso does not match the card set")
	}
	if err := w.Own.check(w.Cards.Quorum.N); err != nil {
		return err
	}
	if err := checkSet(w.Cards, w.KNSO, w.KM, w.Rehearsal); err != nil {
		return err
	}
	if len(w.Present) != w.Cards.Quorum.N {
		return errors.New("field present: every card of a new world must be there")
	}
	return CheckQuorum(w.Cards, w.Present)
}
