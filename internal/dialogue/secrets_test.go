//go:build linux

package dialogue_test

import (
	"fmt"
	"strings"
	"testing"

	"byok/internal/cards"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/secret"
)

// TestSecrets come from files, in the order of the media, or from the terminal,
// where they do not show.
func TestSecrets(t *testing.T) {
	one, two := secretFile(t, "first"), secretFile(t, "second")
	ask := cards.Ask{Medium: 1, Prompt: "passphrase of card 2"}
	get := func(f func(u *dialogue.UI) (*secret.Bytes, error), want string) func(r *command.Run) error {
		return func(r *command.Run) error {
			s, err := f(dialogue.New(r, false))
			if err == nil && s.Text() != want {
				err = fmt.Errorf("%q", s.Text())
			}
			s.Wipe()
			return err
		}
	}
	passphrase := func(u *dialogue.UI) (*secret.Bytes, error) { return u.Passphrase(ask) }
	pin := func(u *dialogue.UI) (*secret.Bytes, error) { return u.UserPIN(hsm.Token{Label: "a", Serial: "1"}) }
	for _, c := range []struct {
		name    string
		args    []string
		answers []answer
		f       func(r *command.Run) error
	}{
		{"passphrase from a file", []string{"--card-pin-file", one, "--card-pin-file", two}, nil, get(passphrase, "second")},
		{"passphrase typed", nil, []answer{{"passphrase of card 2: ", "typed"}}, get(passphrase, "typed")},
		{"PIN from a file", []string{"--pin-file", one}, nil, get(pin, "first")},
		{"PIN typed", nil, []answer{{`user PIN for token "a" (serial 1): `, "typed"}}, get(pin, "typed")},
	} {
		s := run(t, c.args, c.answers, c.f)
		if s.err != nil || strings.Contains(s.screen, "typed") {
			t.Errorf("%s: %v\n%s", c.name, s.err, s.screen)
		}
	}
	s := run(t, nil, nil, get(passphrase, ""))
	refused(t, "no terminal", s.err, exitcode.Usage, "cannot ask for the passphrase of card 2: "+noTerminal,
		"give --card-pin-file FILE")
	_ = run(t, []string{"--card-pin-file", one}, nil, func(r *command.Run) error {
		if n := dialogue.New(r, false).Tries(); n != 1 {
			t.Errorf("a file is tried %d times", n)
		}
		if n := dialogue.ForCard(r, "").Tries(); n != cards.Tries {
			t.Errorf("a person may try %d times", n)
		}
		return nil
	})
}

// TestNewPassphrase: the words that were drawn are shown to the holder and
// typed back; a holder may choose, which is said.
func TestNewPassphrase(t *testing.T) {
	file := secretFile(t, "from a file")
	ask := cards.Ask{Prompt: "new passphrase of card 1"}
	const drawn = "one two three four five six seven"
	for _, c := range []struct {
		name    string
		args    []string
		answers []answer
		ui      func(r *command.Run) *dialogue.UI
		want    string
		own     bool
	}{
		{"drawn", nil, []answer{{"press Enter to clear them: ", ""}, {"new passphrase of card 1, typed back: ", drawn}},
			func(r *command.Run) *dialogue.UI { return dialogue.New(r, false) }, drawn, false},
		{"chosen", []string{"--own-passphrase"},
			[]answer{{"new passphrase of card 1: ", "chosen by me"}, {"new passphrase of card 1, again: ", "chosen by me"}},
			func(r *command.Run) *dialogue.UI { return dialogue.ForCard(r, "") }, "chosen by me", true},
		{"from the file of a card", nil, nil,
			func(r *command.Run) *dialogue.UI { return dialogue.ForCard(r, file) }, "from a file", true},
		{"from the file of a new card", []string{"--new-card-pin-file", file}, nil,
			func(r *command.Run) *dialogue.UI { return dialogue.New(r, true).ForNewCards() }, "from a file", true},
	} {
		var own bool
		s := run(t, c.args, c.answers, func(r *command.Run) error {
			typed, chosen, err := c.ui(r).NewPassphrase(ask, secret.Take([]byte(drawn)))
			if err == nil && typed.Text() != c.want {
				err = fmt.Errorf("%q", typed.Text())
			}
			own = chosen
			typed.Wipe()
			return err
		})
		if s.err != nil || own != c.own {
			t.Errorf("%s: own %t, %v", c.name, own, s.err)
		}
	}
	s := run(t, nil, nil, func(r *command.Run) error {
		_, _, err := dialogue.New(r, false).ForNewCards().NewPassphrase(ask, secret.Take([]byte(drawn)))
		return err
	})
	refused(t, "no terminal", s.err, exitcode.Refused, "cannot show a secret to its holder: "+noTerminal,
		"give --new-card-pin-file FILE")
	if strings.Contains(s.screen, "seven") {
		t.Errorf("the words are on a stream: %s", s.screen)
	}
}
