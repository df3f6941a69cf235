package world

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

// anchor is a statement by its number and hash.
type anchor struct {
	number int
	sum    fingerprint.Sum
}

// anchorPrefix begins the label of an anchor.
const anchorPrefix = "byok-anchor-"

func (a anchor) label() string { return fmt.Sprintf("%s%06d-%s", anchorPrefix, a.number, a.sum) }

func parseAnchor(label string) (anchor, bool) {
	number, text, found := strings.Cut(strings.TrimPrefix(label, anchorPrefix), "-")
	n, err := strconv.Atoi(number)
	if !found || err != nil {
		return anchor{}, false
	}
	var sum fingerprint.Sum
	if err := sum.UnmarshalText([]byte(text)); err != nil {
		return anchor{}, false
	}
	return anchor{n, sum}, true
}

// anchors reports whether the guard has the token anchor the chain.
func anchors(g kmdata.Guard) bool { return g == kmdata.GuardTrust || g == kmdata.GuardTrustShared }

// newestAnchor reads the token's anchor; found is false where there is none.
func (s *Session) newestAnchor() (newest anchor, found bool, err error) {
	labels, err := s.token.Anchors()
	if err != nil {
		return newest, false, err
	}
	for _, label := range labels {
		if a, ok := parseAnchor(label); ok && (!found || a.number > newest.number) {
			newest, found = a, true
		}
	}
	return newest, found, nil
}

// Finish anchors the newest statement on the token. Call it when everything
// that the session signs is signed; a session that is cut short before leaves
// an older anchor, which the next one understands.
func (s *Session) Finish() error {
	if !s.signed || !anchors(s.Module.Guard) {
		return nil
	}
	last := s.Chain.Last()
	km, err := s.knso.set.KM.ModuleKey()
	if err != nil {
		return err
	}
	err = s.asSO(func() error { return s.token.SetAnchor(anchor{last.Number(), last.Sum}.label(), km) })
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
