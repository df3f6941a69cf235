//go:build linux

package dialogue_test

import (
	"maps"
	"strings"
	"testing"

	"byok/internal/cards"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/hsm"
)

func comparison(typed int) dialogue.Comparison {
	return dialogue.Comparison{
		What: "KEK", Title: "its fingerprint", Sum: sum, As: "as the vault's owner reads it", By: "Olga", Typed: typed,
	}
}

// lastCell is the one word that is left when 31 were typed.
const lastCell = "type the word in row 8, fourth column, as the vault's owner reads it: "

// TestCompare: the word is typed as it is read, and the record says with whom.
func TestCompare(t *testing.T) {
	word := sum.Words()[31]
	last := func(r *command.Run) error { return dialogue.New(r, false).Compare(comparison(31)) }
	note := func(how string) map[string]string {
		return map[string]string{"compared": "KEK " + sum.FirstWords(8) + ", with Olga; " + how}
	}
	s := run(t, nil, []answer{{lastCell, word}}, last)
	if s.err != nil || !maps.Equal(s.notes, note("type the word in row 8, fourth column, typed")) ||
		!strings.Contains(s.screen, "KEK compared with Olga") {
		t.Errorf("%v, %q, %q", s.err, s.notes, s.screen)
	}
	s = run(t, nil, []answer{{lastCell, "abandon"}, {lastCell, strings.ToUpper(word)}}, last)
	if s.err != nil || !strings.Contains(s.screen, "That is not the word on this screen: compare again, from the first row. KEK") {
		t.Errorf("%v, %q", s.err, s.screen)
	}
	s = run(t, nil, []answer{{lastCell, "a"}, {lastCell, "b"}, {lastCell, "c"}}, last)
	refused(t, "three wrong words", s.err, exitcode.Check,
		"KEK: what was typed is not on this screen: the two fingerprints differ",
		"stop here, and find out whose fingerprint is wrong")
	s = run(t, nil, nil, func(r *command.Run) error { return dialogue.New(r, false).Compare(comparison(32)) })
	if s.err != nil || !maps.Equal(s.notes, note("all of it typed")) {
		t.Errorf("%v, %q", s.err, s.notes)
	}
	s = run(t, nil, nil, last)
	refused(t, "nobody there", s.err, exitcode.Usage, "cannot ask for the "+strings.TrimSuffix(lastCell, ": ")+": "+noTerminal, "")
}

// TestInsert waits for the next card; unattended there is no one to insert it.
func TestInsert(t *testing.T) {
	insert := func(r *command.Run) error {
		return dialogue.New(r, false).Insert("insert the next card and press Enter")
	}
	if s := run(t, nil, []answer{{"insert the next card and press Enter: ", ""}}, insert); s.err != nil {
		t.Error(s.err)
	}
	s := run(t, []string{"--card-pin-file", "a"}, nil, insert)
	refused(t, "unattended", s.err, exitcode.Usage,
		"one folder is given for several cards, and no one is there to change them",
		"give each card a folder of its own, or leave --card-pin-file FILE out")
	s = run(t, nil, nil, insert)
	refused(t, "no terminal", s.err, exitcode.Usage, "cannot wait for a person: "+noTerminal, "")
	s = run(t, nil, nil, func(r *command.Run) error {
		u := dialogue.New(r, false)
		u.For("to restore key k")
		if u.Unattended() {
			t.Error("no option answers, and it is unattended")
		}
		_, err := u.Passphrase(cards.Ask{Prompt: "passphrase of Alice's card in a (1 of 2)"})
		return err
	})
	refused(t, "purpose", s.err, exitcode.Usage,
		"cannot ask for the passphrase of Alice's card in a (1 of 2), to restore key k: "+noTerminal, "give --card-pin-file FILE")
}

// TestPINLength: a PIN that the token cannot have costs no try.
func TestPINLength(t *testing.T) {
	token := hsm.Token{Label: "contoso", Serial: "4711", Initialised: true}
	s := run(t, nil, []answer{{`user PIN for token "contoso" (serial 4711): `, "1234"}}, func(r *command.Run) error {
		pin, err := dialogue.New(r, false).UserPIN(token)
		pin.Wipe()
		return err
	})
	if s.err != nil {
		t.Error(s.err)
	}
}
