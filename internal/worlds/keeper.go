package worlds

import (
	"errors"
	"fmt"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// leastWords is how many words a person has to name at least: 64 bits of the
// hknso.
const leastWords = 8

// attempts is how often a person is asked for an hknso.
const attempts = 3

// UI is the person at the terminal.
type UI interface {
	// Interactive reports whether anybody can be asked.
	Interactive() bool
	// Ask asks for a line of text; flag is the option that gives it without a terminal.
	Ask(prompt, flag string) (string, error)
	Say(format string, args ...any)
	Warning(format string, args ...any)
}

// Keeper decides whether a package's world is one that a person vouched for.
type Keeper struct {
	Store *Store
	Given fingerprint.Prefix // the hknso that a person gave on the command line, see [Parse]; or zero
	By    string             // who is at work: account and host
	UI    UI
	Now   func() time.Time
	Look  bool // the command only looks: what a person vouches for is not kept
}

// Trust returns the world that the package called from claims, if a person has
// vouched for it: before, by Given, or now at the terminal. Status Check means
// that what the person named is another hknso, Refused that there is no
// terminal to ask on or that the world's cards were replaced since. The error
// does not name the package.
func (k Keeper) Trust(c Claim, from string) (World, error) {
	if !k.Given.IsZero() {
		if err := compare(k.Given, c); err != nil {
			return World{}, fmt.Errorf("--hknso: %w", err)
		}
	}
	w, err := k.Store.Find(c)
	if !errors.Is(err, ErrUnknown) {
		return w, err
	}
	if k.Given.IsZero() {
		if err := k.ask(c, from); err != nil {
			return World{}, err
		}
	}
	if k.Look {
		return newWorld(c, k.By, k.Now()), nil
	}
	if w, err = k.Store.Add(c, k.By, k.Now()); err != nil {
		return World{}, err
	}
	k.UI.Say("%v is now known, vouched for by %s; stored in %s", w, k.By, k.Store.Path())
	return w, nil
}

// ask has a person type the hknso. What is expected is never shown.
func (k Keeper) ask(c Claim, from string) error {
	if !k.UI.Interactive() {
		return exitcode.Errorf(exitcode.Refused, "%w, and there is no terminal to ask for its hknso", ErrUnknown).
			Hint("--hknso 'WORDS OR HEX', as byok-offline world create printed it")
	}
	k.UI.Say("%s comes from a security world that this workstation does not know yet", from)
	k.UI.Say("take its hknso from the paper that world create or world replace-cards printed: " +
		"eight words or more, or all 64 hex digits")
	for tries := attempts; ; tries-- {
		typed, err := k.UI.Ask("hknso of the world", "--hknso WORDS-or-HEX")
		if err != nil {
			return err
		}
		if err = compareTyped(typed, c); err == nil || tries == 1 {
			return err
		}
		k.UI.Warning("%v; try again", err)
	}
}

func compareTyped(typed string, c Claim) error {
	said, err := Parse(typed)
	if err != nil {
		return err
	}
	return compare(said, c)
}

// Parse reads an hknso as a person gives it: at least the first eight words
// that world create prints, 64 bits, or all 64 hex digits. The error has the
// status Usage.
func Parse(text string) (fingerprint.Prefix, error) { return fingerprint.ParsePrefix(text, leastWords) }

// compare fails, with status Check, unless the claimed hknso begins as a person
// said. The error does not tell what it is. That of an earlier card set does
// not do: its cards could have been misused to replace themselves.
func compare(said fingerprint.Prefix, c Claim) error {
	switch {
	case said.Matches(c.Current):
		return nil
	case said.Matches(c.First):
		return exitcode.Errorf(exitcode.Check,
			"the package shows that this world's cards were replaced: give the hknso that world replace-cards printed")
	}
	return exitcode.Errorf(exitcode.Check,
		"the package comes from a different world than the one named: its hknso differs")
}
