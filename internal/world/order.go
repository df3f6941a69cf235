package world

import (
	"byok/internal/cards"
	"byok/internal/statement"
)

// CardOrder is a card set to be dealt.
type CardOrder = cards.Order

// ownPassphrases lists the cards whose holders chose a passphrase.
func ownPassphrases(dealt []cards.Holding) (own statement.OwnPassphrases) {
	for _, h := range dealt {
		if h.Own {
			own = append(own, h.Index)
		}
	}
	return own
}
