package quorum

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/secret"
	"byok/internal/strictjson"
)

// CardType and CardVersion are what a card's JSON says in its fields type and
// version. Version 1 was that of release 0.1.0.
const (
	CardType    = "byok-administrator-card"
	CardVersion = 2
)

// MaxCard is the greatest size of a card's JSON in bytes.
const MaxCard = 2048

// shareSize is the length of an encoded share in bytes.
const shareSize = 32

// Card is one administrator card, opened. HKNSO, Rehearsal, Set and Quorum are
// those of its [CardSet], of which Set is the number; Index counts from 1.
// Share is 32 bytes, little-endian.
type Card struct {
	HKNSO     fingerprint.Sum `json:"hknso"`
	Rehearsal bool            `json:"rehearsal"`
	Set       int             `json:"set"`
	Quorum    Quorum          `json:"quorum"`
	Index     int             `json:"index"`
	Holder    string          `json:"holder"`
	Share     *secret.Bytes   `json:"-"`
}

// Wipe wipes the share.
func (c Card) Wipe() { c.Share.Wipe() }

// String names the card for people, without its share: "card 2 (Alice)".
func (c Card) String() string { return fmt.Sprintf("card %d (%s)", c.Index, c.Holder) }

// cardFile is the card's JSON. The share comes last, see Encode.
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

// Encode returns the card's JSON, at most [MaxCard] bytes: what is sealed with
// the holder's passphrase. A card that is not complete is an error.
func (c Card) Encode() (text *secret.Bytes, err error) {
	secret.Erased(func() { text, err = c.encode() })
	return text, err
}

// encode has strictjson see zeros alone, since its encoder keeps its buffers
// for later use; the share is written over them here.
func (c Card) encode() (*secret.Bytes, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", c, err)
	}
	data, err := strictjson.Marshal(cardFile{Type: CardType, Version: CardVersion, Card: c})
	if err != nil {
		return nil, err
	}
	at := bytes.LastIndex(data, bytes.Repeat([]byte("0"), 2*shareSize))
	out := secret.Take(data)
	hex.Encode(out.Reveal()[at:], c.Share.Reveal())
	return out, nil
}

// Decode is the strict inverse of [Card.Encode]: what it takes, Encode gives
// back byte for byte. name stands for the card in errors, which have status
// Refused and never quote the share. Whether the share is good, only a
// [Reader] can say.
func Decode(name string, text *secret.Bytes) (card Card, err error) {
	secret.Erased(func() { card, err = unmarshal(name, text) })
	return card, exitcode.Mark(exitcode.Refused, err)
}

func unmarshal(name string, text *secret.Bytes) (Card, error) {
	if err := strictjson.Expect(name, text.Reveal(), MaxCard, CardType, CardVersion); err != nil {
		return Card{}, err
	}
	var file cardFile
	err := strictjson.Unmarshal(name, text.Reveal(), MaxCard, &file)
	card := file.Card
	card.Share = file.Hex.share
	if err == nil {
		err = card.isExactly(name, text)
	}
	if err != nil {
		card.Wipe()
		return Card{}, err
	}
	return card, nil
}

// isExactly holds the text to the one spelling that a card has.
func (c Card) isExactly(name string, text *secret.Bytes) error {
	if err := c.check(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	again, err := c.encode()
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
	if c.HKNSO == (fingerprint.Sum{}) {
		return errors.New("field hknso is missing")
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
