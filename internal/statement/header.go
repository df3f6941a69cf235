package statement

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"byok/internal/fingerprint"
	"byok/internal/printable"
	"byok/internal/quorum"
	"byok/internal/stamp"
)

// Header is what every statement carries. HKNSO names its signer.
type Header struct {
	Type      string          `json:"type"`
	Version   int             `json:"version"`
	Number    int             `json:"number"`   // from 1, the world file
	Previous  fingerprint.Sum `json:"previous"` // SHA-256 of the statement before; zeros in number 1
	HKNSO     fingerprint.Sum `json:"hknso"`    // SHA-256 of the signer's SubjectPublicKeyInfo
	Rehearsal bool            `json:"rehearsal"`
	Log       LogHead         `json:"log"`
	Break     *Break          `json:"break,omitzero"`
	Program   Program         `json:"program"`
	Present   []CardHolder    `json:"present"` // whose cards were read, or written
	Time      time.Time       `json:"time"`
}

// LogHead is the ceremony log as it stood when a statement was signed: the
// number of its lines, and the SHA-256 of the last one.
type LogHead struct {
	Lines  int             `json:"lines"`
	SHA256 fingerprint.Sum `json:"sha256"`
}

// Break says that the record before a statement is known to be incomplete,
// such as after a restored backup: what is missing, and the people's reason.
type Break struct {
	Missing []string `json:"missing"`
	Reason  string   `json:"reason"`
}

// Program is the program that made a statement.
type Program struct {
	Version string          `json:"version"`
	SHA256  fingerprint.Sum `json:"sha256"` // of its executable
}

// CardHolder is a card of the set in force, by its index from 1, and its holder.
type CardHolder struct {
	Index  int    `json:"index"`
	Holder string `json:"holder"`
}

// String names the card for people: "card 2 (Alice)".
func (c CardHolder) String() string { return fmt.Sprintf("card %d (%s)", c.Index, c.Holder) }

// Continues reports whether a log with the head l can be the log that had the
// head before, as far as two heads show.
func (l LogHead) Continues(before LogHead) bool {
	if l.Lines == before.Lines {
		return l.SHA256 == before.SHA256
	}
	return l.Lines > before.Lines
}

// check checks what is common to all statements.
func (h *Header) check() error {
	if err := stamp.Check(h.Time); err != nil {
		return fmt.Errorf("field time: %w", err)
	}
	switch {
	case h.Number < 1 || h.Number > maxNumber:
		return fmt.Errorf("field number: expected 1 to %d", maxNumber)
	case (h.Number == 1) != (h.Type == TypeWorld):
		return errors.New("field number: the world file has number 1, and no other statement has")
	case h.Number == 1 && !h.Previous.IsZero():
		return errors.New("field previous: expected zeros in number 1")
	case h.Number > 1 && h.Previous.IsZero():
		return errors.New("field previous is missing")
	case h.HKNSO.IsZero():
		return errors.New("field hknso is missing")
	case h.Log.Lines < 0:
		return errors.New("field log.lines: expected at least 0")
	case h.Program.Version == "":
		return errors.New("field program.version is missing")
	case len(h.Present) == 0:
		return errors.New("field present: the cards that were read are missing")
	}
	if err := checkPresent(h.Present); err != nil {
		return err
	}
	return h.Break.check()
}

// maxNumber is the largest number that six digits write.
const maxNumber = 999_999

// maxText is the most bytes of a text that people type.
const maxText = 1000

func checkPresent(present []CardHolder) error {
	for i, c := range present {
		if c.Index < 1 || c.Holder == "" {
			return errors.New("field present: a card lacks an index or a holder")
		}
		if slices.ContainsFunc(present[:i], func(o CardHolder) bool { return o.Index == c.Index }) {
			return fmt.Errorf("field present: card %d appears twice", c.Index)
		}
	}
	return nil
}

func (b *Break) check() error {
	if b == nil {
		return nil
	}
	if len(b.Missing) == 0 {
		return errors.New("field break.missing is empty")
	}
	if err := printable.Check(b.Reason, maxText); err != nil {
		return fmt.Errorf("field break.reason: %w", err)
	}
	return nil
}

// CheckQuorum refuses cards that are not of the set, and fewer than its quorum.
// It counts a card that is named twice as two: [Encode] and [Parse] refuse that.
func CheckQuorum(set quorum.CardSet, present []CardHolder) error {
	for _, p := range present {
		if p.Index < 1 || p.Index > set.Quorum.N || set.Holders[p.Index-1] != p.Holder {
			return fmt.Errorf("field present: %v is not in the card set in force", p)
		}
	}
	if len(present) < set.Quorum.K {
		return fmt.Errorf("field present: %s, but the quorum is %v", printable.Count(len(present), "card"), set.Quorum)
	}
	return nil
}
