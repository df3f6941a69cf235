package cards

import (
	"byok/internal/exitcode"
	"byok/internal/printable"
	"byok/internal/quorum"
)

// Order is a card set to be dealt.
type Order struct {
	Quorum  quorum.Quorum
	Holders []string // nil until they were asked for
	Media   []Medium
	Work    int // scrypt work factor
}

// Check refuses what can be refused before anybody is asked for anything: nil
// holders are still to be asked for.
func (o Order) Check(rehearsal bool, kmdata string) error {
	if o.Holders == nil && len(o.Media) != o.Quorum.N {
		return exitcode.Errorf(exitcode.Usage, "quorum %v needs %d cards; given: %s", o.Quorum, o.Quorum.N,
			printable.Count(len(o.Media), "card"))
	}
	if len(o.Media) != o.Quorum.N || o.Holders != nil && len(o.Holders) != o.Quorum.N {
		return exitcode.Errorf(exitcode.Usage, "quorum %v needs %d cards and as many holders; given: %s and %s", o.Quorum,
			o.Quorum.N, printable.Count(len(o.Media), "card"), printable.Count(len(o.Holders), "holder"))
	}
	if o.Holders != nil {
		if _, err := quorum.CheckHolders(o.Holders); err != nil {
			return err
		}
	}
	return CheckPlaces(o.Media, kmdata, rehearsal)
}

// Left lists the cards that an interrupted run left on the media, for people. It
// refuses media with another card.
func (o Order) Left(set quorum.CardSet) (list []string, err error) {
	found, err := left(set, o.Media)
	for _, l := range found {
		list = append(list, l.String())
	}
	return list, err
}
