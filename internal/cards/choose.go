package cards

import (
	"byok/internal/exitcode"
	"byok/internal/secret"
)

// Choice says how a card came to its passphrase, for the record.
type Choice struct {
	Own   bool // the holder's own, not the one drawn
	Tries int  // how often it was typed
}

// ChoosePassphrase gets a card's new passphrase: it draws one, has the holder
// shown it, and compares what is typed back, as often as the UI allows; case
// and blanks do not count. A passphrase of the holder's own is taken with a
// warning. card names the card in messages. The caller wipes what is returned.
func ChoosePassphrase(ui UI, a Ask, card string) (*secret.Bytes, Choice, error) {
	drawn := DrawPassphrase()
	for a.Try = 1; ; a.Try++ {
		typed, own, err := ui.NewPassphrase(a, drawn)
		if err != nil {
			drawn.Wipe()
			return nil, Choice{}, err
		}
		if own {
			drawn.Wipe()
			ui.Warn(card + ": the holder's own passphrase instead of the drawn one; the record says so")
			if isWeak(typed) { // said, and not recorded: the record would tell a thief which card to take
				ui.Say("%s: this passphrase is short, or repeats itself: who copies the card could guess it; "+
					"seven drawn words could not be guessed", card)
			}
			return typed, Choice{Own: true, Tries: a.Try}, nil
		}
		if isDrawn(typed, drawn) {
			return drawn, Choice{Tries: a.Try}, nil
		}
		if a.Try >= ui.Tries() {
			drawn.Wipe()
			return nil, Choice{}, exitcode.Errorf(exitcode.Refused,
				"%s: what was typed is not the passphrase that was shown", card).
				Hint("run the same command again: another passphrase is drawn")
		}
		ui.Warn(card + ": that is not the passphrase that was shown; type it again")
	}
}

// What a passphrase has at least that is not weak: it resists a guess or two, and
// no more than that is claimed.
const (
	leastLength   = 12 // bytes
	leastDistinct = 6
)

// isWeak reports whether a passphrase is short, or has few different characters.
func isWeak(typed *secret.Bytes) bool {
	var seen [256]bool
	distinct := 0
	for _, b := range typed.Reveal() {
		if !seen[b] {
			seen[b], distinct = true, distinct+1
		}
	}
	clear(seen[:])
	return typed.Len() < leastLength || distinct < leastDistinct
}

// isDrawn reports whether the typed passphrase is the drawn one, and wipes it.
func isDrawn(typed, drawn *secret.Bytes) bool {
	defer typed.Wipe()
	exact := normalise(typed)
	defer exact.Wipe()
	return exact.Equal(drawn)
}
