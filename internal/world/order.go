package world

import (
	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/printable"
	"byok/internal/quorum"
	"byok/internal/statement"
)

// CardOrder is a card set to be dealt.
type CardOrder struct {
	Quorum  quorum.Quorum
	Holders []string
	Media   []cards.Medium
	Work    int // scrypt work factor
}

// Check refuses what can be refused before anybody is asked for anything.
func (o CardOrder) Check(rehearsal bool, kmdata string) error {
	if len(o.Media) != o.Quorum.N || len(o.Holders) != o.Quorum.N {
		return exitcode.Errorf(exitcode.Usage, "quorum %v needs %d cards and as many holders; given: %s and %s", o.Quorum,
			o.Quorum.N, printable.Count(len(o.Media), "card"), printable.Count(len(o.Holders), "holder"))
	}
	if _, err := quorum.CheckHolders(o.Holders); err != nil {
		return err
	}
	return cards.CheckPlaces(o.Media, kmdata, rehearsal)
}

// ownPassphrases lists the cards whose holders chose a passphrase.
func ownPassphrases(dealt []cards.Holding) (own statement.OwnPassphrases) {
	for _, h := range dealt {
		if h.Own {
			own = append(own, h.Index)
		}
	}
	return own
}
