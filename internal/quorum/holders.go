package quorum

import (
	"slices"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/printable"
)

// maxHolder is the greatest length of a holder's name in bytes.
const maxHolder = 64

// CheckHolders returns the names of card holders as they are recorded:
// trimmed, inner blanks single. A name that is empty, over 64 bytes or not
// printable has status Usage; one that occurs twice, in whatever case, status
// Refused, because one person may not hold two cards.
func CheckHolders(names []string) ([]string, error) {
	clean := make([]string, len(names))
	for i, name := range names {
		clean[i] = strings.Join(strings.Fields(name), " ")
		if err := printable.Check(clean[i], maxHolder); err != nil {
			return nil, exitcode.Errorf(exitcode.Usage, "the name of card holder %d: %w", i+1, err)
		}
		same := func(other string) bool { return strings.EqualFold(other, clean[i]) }
		if first := slices.IndexFunc(clean[:i], same); first >= 0 {
			return nil, exitcode.Errorf(exitcode.Refused,
				"card holders %d and %d are both %q: one person may not hold two cards", first+1, i+1, clean[i]).
				Hint("name another person for card %d", i+1)
		}
	}
	return clean, nil
}
