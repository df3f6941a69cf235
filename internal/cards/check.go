package cards

import (
	"fmt"

	"byok/internal/quorum"
)

// Checked is what came of checking one card on its own.
type Checked struct {
	Card string // names it for people
	Err  error
}

// Check checks each card on its own against the commitments of its set. Fewer
// than K will do: nothing is rebuilt from them.
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
	l, err := load(m)
	if err != nil {
		return Checked{"card in " + m.String(), err}
	}
	card, _, err := l.open(ui, Ask{Medium: i, Prompt: fmt.Sprintf("passphrase of %s", l)})
	if err != nil {
		return Checked{"card in " + m.String(), err}
	}
	name := card.String()
	return Checked{name, reader.Add(m.String(), card)}
}
