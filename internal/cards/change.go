package cards

import (
	"byok/internal/exitcode"
	"byok/internal/quorum"
	"byok/internal/secret"
)

// ChangePassphrase seals the card on a medium under another passphrase and
// returns whose card it is. The old card stays until the new one has been
// read back and verified. A wrong old passphrase is [ErrPassphrase].
//
// Copies that were made of the card before still open with the old
// passphrase: only a new card set makes them worthless.
func ChangePassphrase(m Medium, old, changed *secret.Bytes) (Holding, error) {
	return changePassphrase(m, old, changed, 0)
}

// changePassphrase takes a work factor as Deal does.
func changePassphrase(m Medium, old, changed *secret.Bytes, work int) (Holding, error) {
	_, sealed, err := m.Read()
	if err != nil {
		return Holding{}, err
	}
	card, err := Open(m.String(), sealed, old)
	if err != nil {
		return Holding{}, err
	}
	defer card.Wipe()
	if sealed, err = Seal(card, changed, workFactor(work, card)); err != nil {
		return Holding{}, err
	}
	verify := func(written []byte) error { return isCard(m, written, changed, card) }
	if err := m.Replace(sealed, verify); err != nil {
		return Holding{}, err
	}
	return Holding{Index: card.Index, Holder: card.Holder}, nil
}

// isCard reports, as an error, that written does not open to the card.
func isCard(m Medium, written []byte, passphrase *secret.Bytes, card quorum.Card) error {
	again, err := Open(m.String(), written, passphrase)
	if err != nil {
		return err
	}
	defer again.Wipe()
	same := again.Share.Equal(card.Share)
	again.Share, card.Share = nil, nil
	if !same || again != card {
		return exitcode.Errorf(exitcode.Refused, "%s: the card read back is not the one written", m).
			Hint("the old card is still there; this medium does not keep what is written: byok-offline world replace-cards")
	}
	return nil
}
