//go:build linux

package ceremonytest

import (
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/cards"
	"byok/internal/command"
	"byok/internal/confine"
	"byok/internal/dialogue"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/library"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/supervisor"
	"byok/internal/term"
)

// asks is a program that asks, under a supervisor as byok-offline does, what
// that program asks in the course of a ceremony: the argument says what.
func asks() { os.Exit(supervisor.Main(questions, os.Args[1:])) }

// typedToken is the token that the questions are about.
var typedToken = hsm.Token{Label: "contoso", Serial: "4711", Initialised: true}

const (
	vaultsKID  = "https://contoso.vault.azure.net/keys/KEKforBYOK/0123456789abcdef0123456789abcdef"
	drawnWords = "acid bonus crypt decoy elbow fetal gizmo"
)

var typedSum = fingerprint.Of([]byte("what is compared"))

func questions(in io.Reader, out, errs io.Writer) *command.Program {
	p := &command.Program{
		Name: "asks", Version: "1.2.3", Usage: "ask a question",
		Console: &term.Console{Program: "asks", In: in, Out: out, Err: errs},
		Prepare: func(*command.Run) error { return confine.Apply(false) },
	}
	for name, ask := range asked() {
		p.Commands = append(p.Commands, &cli.Command{
			Name: name, Usage: "ask for it", Action: p.Check(func(r *command.Run) (command.Result, error) {
				return nil, ask(r, dialogue.New(r, false))
			}),
		})
	}
	return p
}

// asked are the questions by their command.
func asked() map[string]func(*command.Run, *dialogue.UI) error {
	type (
		run = *command.Run
		ui  = *dialogue.UI
	)
	return map[string]func(run, ui) error{
		"user-pin":   func(_ run, u ui) error { return wiped(u.UserPIN(typedToken)) },
		"new-pin":    func(_ run, u ui) error { return wiped(u.NewUserPIN("pin-file", typedToken, "")) },
		"so-pin":     func(r run, _ ui) error { return wiped(r.Secret("so-pin-file", "present SO PIN of the token")) },
		"passphrase": func(_ run, u ui) error { return wiped(u.Passphrase(cards.Ask{Prompt: "passphrase of a card"})) },
		"drawn": func(_ run, u ui) error {
			words := secret.Take([]byte(drawnWords))
			defer words.Wipe()
			typed, _, err := u.NewPassphrase(cards.Ask{Prompt: "new passphrase"}, words)
			return wiped(typed, err)
		},
		"own":  func(r run, _ ui) error { return wiped(r.Console.NewPassword("own passphrase", "")) },
		"said": func(_ run, u ui) error { _, err := u.Said(); return err },
		"list": func(_ run, u ui) error { return u.ApproveList("abandon") },
		"paper": func(_ run, u ui) error {
			if _, _, err := u.LastStatement("the token carries no anchor"); err != nil {
				return err
			}
			_, err := u.Reason(nil)
			return err
		},
		"library": func(_ run, u ui) error {
			err := u.AcceptLibrary(session.LibraryChange{New: library.Identity{Path: "/lib/a.so", SHA256: typedSum}})
			if err != nil {
				return err
			}
			return u.AcceptSerial("the token", typedToken.Serial)
		},
		"compare": func(_ run, u ui) error {
			return u.Compare(dialogue.Comparison{
				What: "KEK", Title: "its fingerprint", Sum: typedSum, As: "as the vault's owner reads it", By: "Olga", Typed: 8,
			})
		},
		"insert": func(_ run, u ui) error { return u.Insert("insert the next card and press Enter") },
		"hash":   func(r run, _ ui) error { _, err := dialogue.PublishedHash(r, "tools.zip"); return err },
		"holder": func(r run, _ ui) error {
			_, err := r.Console.Ask("holder of card 1, in a", "--holder NAME")
			return err
		},
		"confirm": func(r run, _ ui) error { return r.Console.Confirm("everything on the token will be destroyed", "4711") },
		"cards":   readCards,
	}
}

func wiped(s *secret.Bytes, err error) error {
	s.Wipe()
	return err
}

// readCards asks for two passphrases, and works on the first card until the file
// is there that the argument names.
func readCards(r *command.Run, u *dialogue.UI) error {
	if err := wiped(u.Passphrase(cards.Ask{Prompt: "passphrase of Alice's card"})); err != nil {
		return err
	}
	u.Say("reading the card in a …")
	for !exists(r.Args().First()) {
		time.Sleep(time.Millisecond)
	}
	return wiped(u.Passphrase(cards.Ask{Prompt: "passphrase of Bob's card"}))
}
