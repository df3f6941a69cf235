package quorum

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"byok/internal/exitcode"
	"byok/internal/secret"
	"byok/internal/strictjson"
)

// The card's JSON: its type, the one version of it, its greatest size in
// bytes, and the length of an encoded share.
const (
	cardType    = "byok-administrator-card"
	cardVersion = 1
	maxCard     = 2048
	shareSize   = 32
)

// maxHolder is the length of a holder's name in bytes.
const maxHolder = 64

// Card is one administrator card, opened. World, Set and Quorum are those of
// its CardSet; Index counts from 1. Share is 32 bytes, little-endian.
type Card struct {
	World  string        `json:"world"`
	Set    int           `json:"set"`
	Quorum Quorum        `json:"quorum"`
	Index  int           `json:"index"`
	Holder string        `json:"holder"`
	Share  *secret.Bytes `json:"-"`
}

// Wipe wipes the share.
func (c Card) Wipe() { c.Share.Wipe() }

// String names the card for people, without its share: "card 2 (Alice)".
func (c Card) String() string { return fmt.Sprintf("card %d (%s)", c.Index, c.Holder) }

// cardFile is the JSON inside a card's age file. The share comes last, see marshal.
type cardFile struct {
	Type    string `json:"type"`
	Version int    `json:"version"`
	Card
	Hex shareHex `json:"share"`
}

// shareHex reads a share of 64 lower-case hex digits straight into locked
// memory. It writes zeros in its place.
type shareHex struct{ share *secret.Bytes }

func (shareHex) MarshalText() ([]byte, error) { return bytes.Repeat([]byte("0"), 2*shareSize), nil }

func (s *shareHex) UnmarshalText(text []byte) error {
	if len(text) != 2*shareSize {
		return errors.New("not 64 lower-case hex digits")
	}
	s.share.Wipe()
	s.share = secret.New(shareSize)
	if _, err := hex.Decode(s.share.Reveal(), text); err != nil {
		return errors.New("not 64 lower-case hex digits") // the cause quotes a digit of the share
	}
	return nil
}

// marshal returns the card's JSON. The encoder keeps its buffers for later
// use, so it only ever sees zeros; the share is written over them here.
func (c Card) marshal() (*secret.Bytes, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	data, err := strictjson.Marshal(cardFile{Type: cardType, Version: cardVersion, Card: c})
	if err != nil {
		return nil, err
	}
	at := bytes.LastIndex(data, bytes.Repeat([]byte("0"), 2*shareSize))
	out := secret.Take(data)
	hex.Encode(out.Reveal()[at:], c.Share.Reveal())
	return out, nil
}

// unmarshal is the strict inverse of marshal: what it accepts, marshal gives
// back byte for byte.
func unmarshal(name string, text *secret.Bytes) (Card, error) {
	var file cardFile
	err := strictjson.Unmarshal(name, text.Reveal(), maxCard, &file)
	card := file.Card
	card.Share = file.Hex.share
	if err == nil {
		err = file.check(name, card, text)
	}
	if err != nil {
		card.Wipe()
		return Card{}, exitcode.Mark(exitcode.Refused, err)
	}
	return card, nil
}

func (f cardFile) check(name string, card Card, text *secret.Bytes) error {
	if f.Type != cardType {
		return fmt.Errorf("%s: its content is not a %s", name, cardType)
	}
	if f.Version != cardVersion {
		return fmt.Errorf("%s: card format version %d, this program reads version %d", name, f.Version, cardVersion)
	}
	again, err := card.marshal()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer again.Wipe()
	if !again.Equal(text) {
		return fmt.Errorf("%s: its content is not written as cards are", name)
	}
	return nil
}

// check is about the card alone; Reader.Add compares it with its set.
func (c Card) check() error {
	if !isHash(c.World) {
		return errors.New("field world: not 64 lower-case hex digits")
	}
	if c.Set < 1 {
		return errors.New("field set: sets are counted from 1")
	}
	if err := c.Quorum.check(); err != nil {
		return fmt.Errorf("field quorum: %w", err)
	}
	if c.Index < 1 || c.Index > c.Quorum.N {
		return fmt.Errorf("field index: card %d of %d", c.Index, c.Quorum.N)
	}
	if clean, err := CheckHolders([]string{c.Holder}); err != nil || clean[0] != c.Holder {
		return errors.New("field holder: not a card holder's name")
	}
	share, err := decode(c.Share)
	if err != nil {
		return errors.New("field share: not a number below the group order")
	}
	wipe(share)
	return nil
}

// CheckHolders returns the names of card holders as they are recorded:
// trimmed, inner blanks single. A name that is empty, over 64 bytes or not
// printable has status Usage; one that occurs twice, in whatever case, status
// Refused, because nobody may hold two cards.
func CheckHolders(names []string) ([]string, error) {
	clean := make([]string, len(names))
	for i, name := range names {
		clean[i] = strings.Join(strings.Fields(name), " ")
		if !printable(clean[i]) {
			return nil, exitcode.Errorf(exitcode.Usage, "card holder %d: a name has 1 to %d bytes, all printable", i+1, maxHolder)
		}
		same := func(other string) bool { return strings.EqualFold(other, clean[i]) }
		if first := slices.IndexFunc(clean[:i], same); first >= 0 {
			return nil, exitcode.Hint(exitcode.Errorf(exitcode.Refused, "card holders %d and %d are both %q: nobody may hold two cards", first+1, i+1, clean[i]),
				"name another person for card %d", i+1)
		}
	}
	return clean, nil
}

func printable(name string) bool {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	return name != "" && len(name) <= maxHolder && utf8.ValidString(name) && !strings.ContainsFunc(name, odd)
}
