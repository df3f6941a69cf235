package world

import (
	"fmt"
	"strings"

	"byok/internal/journal"
)

// Left says what an interrupted creation in the same folder has left, and what
// becomes of it; nothing if there was none.
func (c Creation) Left() ([]string, error) {
	note, pending, err := journal.Pending[creationNote](journal.Of(c.Dir), creationName)
	if err != nil || !pending || len(note.Cards.Holders) == 0 {
		return nil, err
	}
	found, err := c.CardOrder.Left(note.Cards)
	if err != nil {
		return nil, err
	}
	what := "no card"
	if len(found) > 0 {
		what = strings.Join(found, ", ")
	}
	q := note.Cards.Quorum
	if !note.Dealt {
		return []string{fmt.Sprintf("an interrupted run left %s of %v; no world depends on it: it is taken back, "+
			"and all %d cards are dealt, with new passphrases", what, q, q.N)}, nil
	}
	return []string{
		fmt.Sprintf("an interrupted run of world create for label %q had dealt every card: %s; "+
			"this run goes on with them, and asks for the passphrases that were chosen then", note.Label, what),
		"to start over instead, give --kmdata another folder and --card blank media",
	}, nil
}
