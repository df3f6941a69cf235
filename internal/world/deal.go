package world

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/quorum"
	"byok/internal/secret"
)

// CardHolder is one administrator card to be: where, whose, sealed with what.
type CardHolder struct {
	Dir        string
	Name       string
	Passphrase *secret.Bytes
}

// CardOrder is a card set to be made.
type CardOrder struct {
	Quorum     quorum.Quorum
	Holders    []CardHolder
	WorkFactor int                              // scrypt
	Say        func(format string, args ...any) // progress, for people
}

// Check refuses what can be refused before any passphrase is asked for.
func (o CardOrder) Check(rehearsal bool) error {
	if len(o.Holders) != o.Quorum.N {
		return exitcode.Errorf(exitcode.Usage, "quorum %v needs %d card folders, %d were given", o.Quorum, o.Quorum.N, len(o.Holders))
	}
	if _, err := quorum.CheckHolders(o.names()); err != nil {
		return err
	}
	return quorum.CheckMedia(o.dirs(), rehearsal)
}

func (o CardOrder) names() (names []string) {
	for _, h := range o.Holders {
		names = append(names, h.Name)
	}
	return names
}

func (o CardOrder) dirs() (dirs []string) {
	for _, h := range o.Holders {
		dirs = append(dirs, h.Dir)
	}
	return dirs
}

// pendingCards is what a pending file says of a card set that is being made.
// Its cards are on their media before anything depends on them.
type pendingCards struct {
	Cards quorum.CardSet `json:"cards"`
	Dealt bool           `json:"dealt"` // all of them are
}

// dealer makes a card set: all N cards on their media and read back, before
// anything else changes. A pending file beside path holds the set meanwhile,
// so that an interrupted run is taken up with the same cards.
type dealer struct {
	CardOrder
	path     string
	issue    func() (*quorum.Issue, error)
	pending  func(pendingCards) any // the whole pending file, of its part about the cards
	resuming bool
	set      quorum.CardSet
	secret   *quorum.Secret
}

// ready wants every card folder to be writable and blank, or takes up the
// cards of the interrupted run that before describes, if there was one.
func (d *dealer) ready(before *pendingCards) error {
	if before != nil {
		if err := d.reread(*before); err != nil || d.resuming {
			return err
		}
	}
	for i, h := range d.Holders {
		if err := checkBlank(i+1, h); err != nil {
			return err
		}
	}
	return nil
}

func checkBlank(number int, h CardHolder) error {
	path := filepath.Join(h.Dir, quorum.CardFile)
	if exists(path) {
		return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s: this card is not blank, and cards are never overwritten", path),
			"put a blank medium in for card %d (%s)", number, h.Name)
	}
	probe, err := os.CreateTemp(h.Dir, ".byok-write-test-")
	if err != nil {
		return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "card folder %s: nothing can be written there: %w", h.Dir, bare(err)),
			"give a folder on a writable medium for card %d (%s)", number, h.Name)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// bare strips the path from a file error that is told with its own.
func bare(err error) error {
	var cause *os.PathError
	if errors.As(err, &cause) {
		return cause.Err
	}
	return err
}

// deal writes the cards, unless an interrupted run has.
func (d *dealer) deal() error {
	if d.resuming {
		d.Say("going on with the %d cards of the interrupted run", d.set.Quorum.N)
		return nil
	}
	issue, err := d.issue()
	if err != nil {
		return err
	}
	defer func() {
		for _, card := range issue.Cards {
			card.Wipe()
		}
	}()
	d.set, d.secret = issue.Set, issue.Secret
	if err := setPending(d.path, d.pending(pendingCards{Cards: d.set})); err != nil {
		return err
	}
	written, err := d.write(issue.Cards)
	if err != nil {
		if left := d.takeBack(written); left != nil {
			return fmt.Errorf("%w; %w", err, left)
		}
		return err
	}
	return replacePending(d.path, d.pending(pendingCards{Cards: d.set, Dealt: true}))
}

// write seals every card, writes it, and reads all of them back. It returns
// the folders it has written to, also on an error.
func (d *dealer) write(cards []quorum.Card) (written []string, err error) {
	reader, err := quorum.NewReader(d.set)
	if err != nil {
		return nil, err
	}
	defer reader.Wipe()
	for i, h := range d.Holders {
		sealed, err := quorum.Seal(cards[i], h.Passphrase, d.WorkFactor)
		if err != nil {
			return written, err
		}
		if err := durable.WriteFile(filepath.Join(h.Dir, quorum.CardFile), sealed, 0o600); err != nil {
			return written, err
		}
		written = append(written, h.Dir)
		if err := readInto(reader, h.Dir, h.Passphrase); err != nil {
			return written, err
		}
		d.Say("card %d of %d written and read back: %s", i+1, d.Quorum.N, h.Name)
	}
	return written, nil
}

func readInto(reader *quorum.Reader, dir string, passphrase *secret.Bytes) error {
	card, err := quorum.ReadCard(dir, passphrase)
	if err != nil {
		return err
	}
	return reader.Add(dir, card)
}

// takeBack removes the cards of a set that never came into force, and then the
// pending file, with which the next run would remove what is left of them.
func (d *dealer) takeBack(dirs []string) error {
	for _, dir := range dirs {
		if err := durable.Remove(filepath.Join(dir, quorum.CardFile)); err != nil {
			return err
		}
	}
	return clearPending(d.path)
}

// reread takes up the cards of an interrupted run. If that had not written
// them all, it had not touched the token: those that are there are taken back,
// and the set is made afresh.
func (d *dealer) reread(before pendingCards) error {
	n := before.Cards.Quorum.N
	reader, err := quorum.NewReader(before.Cards)
	if err != nil {
		return err
	}
	defer reader.Wipe()
	var present []string
	for _, h := range d.Holders {
		if !exists(filepath.Join(h.Dir, quorum.CardFile)) {
			continue
		}
		if err := readInto(reader, h.Dir, h.Passphrase); err != nil {
			return err
		}
		present = append(present, h.Dir)
	}
	switch {
	case len(present) < n && before.Dealt:
		return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%d of the %d cards of the interrupted run are in the folders given, and the token may depend on them already", len(present), n),
			"give the folders of all %d cards with --card", n)
	case len(present) < n:
		return d.takeBack(present)
	}
	d.set, d.resuming = before.Cards, true
	d.secret, err = reader.Secret()
	return err
}
