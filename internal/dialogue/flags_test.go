//go:build linux

package dialogue_test

import (
	"context"
	"io"
	"slices"
	"testing"

	"github.com/urfave/cli/v2"

	"byok/internal/cards"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/term"
)

// given runs f in a command with all options of a quorum's commands.
func given(t *testing.T, args []string, f func(r *command.Run)) {
	t.Helper()
	flags := slices.Concat(
		dialogue.SessionFlags(),
		dialogue.NewCardFlags("new-"),
		dialogue.AcceptFlags(),
		dialogue.TargetFlags(),
	)
	p := &command.Program{
		Name:    "test",
		Version: "1",
		Usage:   "test",
		Console: &term.Console{Program: "test", Out: io.Discard, Err: io.Discard},
	}
	p.Commands = []*cli.Command{{Name: "do", Usage: "do", Flags: flags, Action: p.Action(
		func(r *command.Run) (command.Result, error) {
			f(r)
			return nil, nil
		})}}
	if status := p.Main(context.Background(), append([]string{"do"}, args...)); status != 0 {
		t.Fatalf("%q: status %d", args, status)
	}
}

// TestCards: one passphrase file a card, or none.
func TestCards(t *testing.T) {
	for _, c := range []struct {
		args       []string
		cards      int
		text, hint string
	}{
		{[]string{"--card", "a", "--card", "b"}, 2, "", ""},
		{[]string{"--card", "a", "--card-pin-file", "f"}, 1, "", ""},
		{nil, 0, "do needs the administrator cards", "give --card DIR once per card"},
		{[]string{"--card", "a", "--card", "b", "--card-pin-file", "f"}, 2,
			"2 --card and 1 --card-pin-file: expected one file per card, in the same order", ""},
	} {
		given(t, c.args, func(r *command.Run) {
			if media := dialogue.CardMedia(r, ""); len(media) != c.cards {
				t.Errorf("%q: %d cards", c.args, len(media))
			}
			err := dialogue.CheckCards(r, "")
			if c.text != "" {
				refused(t, "cards", err, exitcode.Usage, c.text, c.hint)
			} else if err != nil {
				t.Errorf("%q: %v", c.args, err)
			}
		})
	}
}

// TestOnePlaceForAllCards: the new cards come behind the old ones where both have
// one socket, and then there must be somebody who changes them.
func TestOnePlaceForAllCards(t *testing.T) {
	words := []string{"--card", "a", "--card", "a", "--new-card", "a", "--new-card", "b"}
	given(t, words, func(r *command.Run) {
		media := dialogue.CardMedia(r, "new-")
		if len(media) != 2 || !cards.Awaited(media[0]) || cards.Awaited(media[1]) {
			t.Errorf("%v", media)
		}
	})
	given(t, append(words, "--new-card-pin-file", "f", "--new-card-pin-file", "g"), func(r *command.Run) {
		refused(t, "by files", dialogue.CheckCards(r, "new-"), exitcode.Refused,
			"a and a are one folder: each card needs its own", "give each card a folder of its own")
	})
}

// TestTarget: what the key is to be in the vault.
func TestTarget(t *testing.T) {
	policy := secretFile(t, "{}")
	k := &kmdata.Key{Identity: statement.Identity{KeyType: "EC", Bits: 256, Curve: "P-256"}}
	for _, c := range []struct {
		name string
		args []string
		text string
	}{
		{"all operations", []string{"--key-friendly-name", "K"}, ""},
		{"one operation", []string{"--key-friendly-name", "K", "--key-op", "sign"}, ""},
		{"released", []string{"--key-friendly-name", "K", "--exportable", "--release-policy", policy}, ""},
		{"another operation", []string{"--key-friendly-name", "K", "--key-op", "wrapKey"},
			"--key-op wrapKey: for P-256 it is one of sign, verify"},
		{"no policy", []string{"--key-friendly-name", "K", "--exportable"}, "--exportable and --release-policy go together"},
		{"a policy alone", []string{"--key-friendly-name", "K", "--release-policy", policy},
			"--exportable and --release-policy go together"},
	} {
		given(t, c.args, func(r *command.Run) {
			target, err := dialogue.Target(r, k, asked(r))
			if c.text != "" {
				refused(t, c.name, err, exitcode.Usage, c.text, "")
				return
			}
			if err != nil || target.Name != "K" || len(target.KeyOps) == 0 ||
				target.Exportable == target.ReleasePolicy.IsZero() {
				t.Errorf("%s: %+v, %v", c.name, target, err)
			}
		})
	}
	given(t, []string{"--key-friendly-name", "a b"}, func(r *command.Run) {
		if _, err := dialogue.Target(r, k, asked(r)); exitcode.Of(err) != exitcode.Usage {
			t.Errorf("a name that no vault takes: %v", err)
		}
	})
}

// asked is what the options of one key ask for.
func asked(r *command.Run) dialogue.Asked {
	a := dialogue.AskedOf(r)
	a.Name = r.StringSlice("key-friendly-name")[0]
	return a
}
