package session

import (
	"fmt"
	"strconv"
	"strings"

	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/statement"
)

// The token anchors the chain: each SO session leaves one trusted object that
// wraps nothing, and whose label is the number and hash of the newest
// statement. A user can destroy it, which shows, but not make or change one.

// Anchor is a statement by its number and hash.
type Anchor struct {
	Number int
	Sum    fingerprint.Sum
}

// AnchorOf is the anchor of a statement.
func AnchorOf(e kmdata.Entry) Anchor { return Anchor{e.Number(), e.Sum} }

// Label is the label of the anchor on the token.
func (a Anchor) Label() string { return fmt.Sprintf("%s%06d-%s", hsm.AnchorPrefix, a.Number, a.Sum) }

// ParseAnchor reads the label of an anchor.
func ParseAnchor(label string) (Anchor, bool) {
	rest, is := strings.CutPrefix(label, hsm.AnchorPrefix)
	number, text, found := strings.Cut(rest, "-")
	n, err := strconv.Atoi(number)
	if !is || !found || err != nil {
		return Anchor{}, false
	}
	var sum fingerprint.Sum
	if err := sum.UnmarshalText([]byte(text)); err != nil {
		return Anchor{}, false
	}
	a := Anchor{n, sum}
	return a, a.Label() == label
}

// Anchors reports whether the guard has the token anchor the chain.
func Anchors(g statement.Guard) bool {
	return g.Traits().Anchor
}

// newestAnchor reads the token's anchor; found is false where there is none.
func (s *Quorum) newestAnchor() (newest Anchor, found bool, err error) {
	if s.anchors == nil {
		if s.anchors, err = s.HSM.Anchors(); err != nil {
			return newest, false, err
		}
	}
	for _, label := range s.anchors {
		if a, ok := ParseAnchor(label); ok && (!found || a.Number > newest.Number) {
			newest, found = a, true
		}
	}
	return newest, found, nil
}
