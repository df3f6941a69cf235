package cards

import (
	"fmt"

	"byok/internal/quorum"
)

// Checked is what came of checking one card on its own.
type Checked struct {
	Card string // its name for people: that of its holder once it has been opened
	Err  error  // nil if it is a card of the set, and its share fits the commitments
}

// Check checks each card on its own against its set, whatever is wrong with
// the others; their holders are asked as by [Read]. Fewer than K will do:
// nothing is rebuilt from them. The error is about the set alone.
func Check(media []Medium, set quorum.CardSet, ui UI) ([]Checked, error) {
	reader, err := quorum.NewReader(set)
	if err != nil {
		return nil, err
	}
	defer reader.Wipe()
	list := make([]Checked, 0, len(media))
	for i, m := range media {
		list = append(list, check(reader, i, m, ui))
	}
	return list, nil
}

func check(reader *quorum.Reader, i int, m Medium, ui UI) Checked {
	err := arrive(m, ui, "the next card")
	var l loaded
	if err == nil {
		l, err = load(m)
	}
	if err != nil {
		return Checked{Card: "card in " + m.String(), Err: err}
	}
	card, _, err := l.open(ui, Ask{Medium: i, Prompt: fmt.Sprintf("passphrase of %s", l)})
	if err != nil {
		return Checked{Card: "card in " + m.String(), Err: err}
	}
	return Checked{Card: card.String(), Err: reader.Add(m.String(), card)}
}
