package quorum

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"

	"byok/internal/exitcode"
	"byok/internal/secret"
)

// CardFile is the card's name in its folder.
const CardFile = "byok-card.age"

// Scrypt work factors: the logarithm to base 2 of the cost. WorkFactor is
// what production cards are sealed with, as the age tool does: about a second
// and 256 MiB a card. Cards with more than MaxWorkFactor are not tried.
const (
	WorkFactor    = 18
	MaxWorkFactor = 22
)

// maxFile is the size of a card file in bytes that is still read: the card,
// age's header and tag, and room.
const maxFile = 2 * maxCard

// Seal encrypts the card with the holder's passphrase as a binary age file,
// at the given scrypt work factor: WorkFactor, or less for tests.
func Seal(card Card, passphrase *secret.Bytes, work int) (sealed []byte, err error) {
	if work < 1 || work > MaxWorkFactor {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: work factor %d is not between 1 and %d", card, work, MaxWorkFactor)
	}
	if passphrase.Len() == 0 {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: an empty passphrase seals nothing", card)
	}
	secret.Erased(func() { sealed, err = seal(card, passphrase, work) })
	return sealed, err
}

func seal(card Card, passphrase *secret.Bytes, work int) ([]byte, error) {
	text, err := card.marshal()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", card, err)
	}
	defer text.Wipe()
	recipient, err := age.NewScryptRecipient(passphrase.Text())
	if err != nil {
		return nil, err
	}
	recipient.SetWorkFactor(work)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, recipient)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text.Reveal()); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil { // writes the last chunk
		return nil, err
	}
	return sealed.Bytes(), nil
}

// Open decrypts a card file; name is the file's name for messages. A wrong
// passphrase (ErrPassphrase), a damaged file and a content that is no card
// have different texts, all with status Refused. The share is only known to
// be good once a Reader has taken the card.
func Open(name string, data []byte, passphrase *secret.Bytes) (card Card, err error) {
	secret.Erased(func() { card, err = open(name, data, passphrase) })
	return card, err
}

func open(name string, data []byte, passphrase *secret.Bytes) (Card, error) {
	if passphrase.Len() == 0 {
		return Card{}, wrongPassphrase(name)
	}
	identity, err := age.NewScryptIdentity(passphrase.Text())
	if err != nil {
		return Card{}, err
	}
	identity.SetMaxWorkFactor(MaxWorkFactor)
	plain, err := age.Decrypt(bytes.NewReader(data), identity)
	if err != nil {
		return Card{}, explain(name, err)
	}
	page := secret.New(maxCard + 1)
	defer page.Wipe()
	n, err := fill(page.Reveal(), plain)
	if err != nil {
		return Card{}, damaged(name)
	}
	text := secret.Take(page.Reveal()[:n])
	defer text.Wipe()
	return unmarshal(name, text)
}

// fill reads r into buf to its end, or until buf is full. It is not
// io.ReadFull, which hides how age reports a truncated file.
func fill(buf []byte, r io.Reader) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// explain tells a wrong passphrase from everything else. Age's own words are
// left out: they quote the file.
func explain(name string, err error) error {
	var mismatch *age.NoIdentityMatchError
	if errors.As(err, &mismatch) && len(mismatch.StanzaTypes) == 1 && mismatch.StanzaTypes[0] == "scrypt" {
		return wrongPassphrase(name)
	}
	return damaged(name)
}

func wrongPassphrase(name string) error {
	return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s: %w", name, ErrPassphrase),
		"type the passphrase of this card's holder again; if it is certainly right, the card is damaged: use another card of the set")
}

func damaged(name string) error {
	return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s: damaged, or not an administrator card", name),
		"use another card of the set, then byok-offline world replace-cards")
}

// ReadCard opens the card in the folder dir. Besides the errors of Open, a
// folder without a card file, and no folder at all, each have their own text.
func ReadCard(dir string, passphrase *secret.Bytes) (Card, error) {
	if _, err := folder(dir); err != nil {
		return Card{}, err
	}
	path := filepath.Join(dir, CardFile)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Card{}, exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s: blank card, no %s in it", dir, CardFile),
			"insert the medium with the card, or name the folder the card is in")
	}
	if err != nil {
		return Card{}, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return Card{}, damaged(path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Card{}, err
	}
	return Open(path, data, passphrase)
}

// folder returns what the system knows of a card's folder.
func folder(dir string) (fs.FileInfo, error) {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s: no such folder", dir), "insert and mount the medium for this card")
	}
	return info, err
}
