package session

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
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

// anchorPrefix begins the label of an anchor.
const anchorPrefix = "byok-anchor-"

// Label is the label of the anchor on the token.
func (a Anchor) Label() string { return fmt.Sprintf("%s%06d-%s", anchorPrefix, a.Number, a.Sum) }

// ParseAnchor reads the label of an anchor.
func ParseAnchor(label string) (Anchor, bool) {
	number, text, found := strings.Cut(strings.TrimPrefix(label, anchorPrefix), "-")
	n, err := strconv.Atoi(number)
	if !found || err != nil {
		return Anchor{}, false
	}
	var sum fingerprint.Sum
	if err := sum.UnmarshalText([]byte(text)); err != nil {
		return Anchor{}, false
	}
	return Anchor{n, sum}, true
}

// Anchors reports whether the guard has the token anchor the chain.
func Anchors(g kmdata.Guard) bool { return g == kmdata.GuardTrust || g == kmdata.GuardTrustShared }

// newestAnchor reads the token's anchor; found is false where there is none.
func (s *Quorum) newestAnchor() (newest Anchor, found bool, err error) {
	labels, err := s.HSM.Anchors()
	if err != nil {
		return newest, false, err
	}
	for _, label := range labels {
		if a, ok := ParseAnchor(label); ok && (!found || a.Number > newest.Number) {
			newest, found = a, true
		}
	}
	return newest, found, nil
}

// Finish anchors the newest statement on the token. Call it when everything
// that the session signs is signed; a session that is cut short before leaves
// an older anchor, which the next one understands.
func (s *Quorum) Finish() error {
	if !s.signed || !Anchors(s.Module.Guard) {
		return nil
	}
	last := s.Chain.Last()
	km, err := s.knso.set.KM.ModuleKey()
	if err != nil {
		return err
	}
	err = s.AsSO(func() error { return s.HSM.SetAnchor(AnchorOf(last).Label(), km) })
	if err != nil {
		return exitcode.Hint(fmt.Errorf("%v is signed, but the token does not carry its anchor: %w", last, err),
			"byok-offline ceremony seal --card DIR … sets it")
	}
	s.signed = false
	return nil
}

// tokenLock is the path of the lock that quorum sessions on one token share,
// whatever kmdata they work on.
func tokenLock(t kmdata.Token) string {
	name := fingerprint.Of([]byte(t.Manufacturer + "\x00" + t.Model + "\x00" + t.Serial + "\x00" + t.Label)).String()
	return filepath.Join(os.TempDir(), "byok-token-"+name[:16]+".lock")
}
