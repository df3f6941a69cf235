package cards

import (
	"errors"
	"fmt"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/printable"
	"byok/internal/quorum"
	"byok/internal/strictjson"
)

// HeaderType and HeaderVersion are what a header's JSON says in its fields
// type and version.
const (
	HeaderType    = "byok-card-header"
	HeaderVersion = 1
)

// maxHeader is the greatest size of a header in bytes, maxWorld that of a
// world's label.
const (
	maxHeader = 2048
	maxWorld  = 64
)

// Header says in clear whose card a medium holds, so that the prompt can name
// it. Anybody can change it: nothing is decided by it but what is asked, and
// which cards of an interrupted run are taken back.
type Header struct {
	World     string          `json:"world"` // the world's label
	HKNSO     fingerprint.Sum `json:"hknso"`
	Rehearsal bool            `json:"rehearsal"`
	Set       int             `json:"set"`
	Quorum    quorum.Quorum   `json:"quorum"`
	Index     int             `json:"index"`
	Holder    string          `json:"holder"`
}

// HeaderOf returns the header of a card of the world with that label.
func HeaderOf(world string, c quorum.Card) Header {
	return Header{
		World:     world,
		HKNSO:     c.HKNSO,
		Rehearsal: c.Rehearsal,
		Set:       c.Set,
		Quorum:    c.Quorum,
		Index:     c.Index,
		Holder:    c.Holder,
	}
}

// headerFile is the header's JSON.
type headerFile struct {
	Type    string `json:"type"`
	Version int    `json:"version"`
	Header
}

// Encode returns the header's JSON.
func (h Header) Encode() ([]byte, error) {
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("card header: %w", err)
	}
	return strictjson.Marshal(headerFile{Type: HeaderType, Version: HeaderVersion, Header: h})
}

// DecodeHeader is the strict inverse of [Header.Encode]. name stands for the
// header in errors, which have status Refused.
func DecodeHeader(name string, data []byte) (Header, error) {
	h, err := decodeHeader(name, data)
	return h, exitcode.Mark(exitcode.Refused, err)
}

func decodeHeader(name string, data []byte) (Header, error) {
	if err := strictjson.Expect(name, data, maxHeader, HeaderType, HeaderVersion); err != nil {
		return Header{}, err
	}
	var file headerFile
	if err := strictjson.Exact(name, data, maxHeader, &file); err != nil {
		return Header{}, err
	}
	if err := file.check(); err != nil {
		return Header{}, fmt.Errorf("%s: %w", name, err)
	}
	return file.Header, nil
}

// check lets nothing through that could steer a terminal.
func (h Header) check() error {
	if err := printable.Check(h.World, maxWorld); err != nil {
		return fmt.Errorf("field world: %w", err)
	}
	if h.HKNSO == (fingerprint.Sum{}) {
		return errors.New("field hknso is missing")
	}
	if h.Set < 1 {
		return errors.New("field set: sets are counted from 1")
	}
	if h.Index < 1 || h.Index > h.Quorum.N {
		return fmt.Errorf("field index: card %d of %d", h.Index, h.Quorum.N)
	}
	if clean, err := quorum.CheckHolders([]string{h.Holder}); err != nil || clean[0] != h.Holder {
		return errors.New("field holder: not a card holder's name")
	}
	return nil
}

// String names the card for the prompt, such as "card 2 (Alice)"; "" for the
// zero Header.
func (h Header) String() string {
	if h == (Header{}) {
		return ""
	}
	return fmt.Sprintf("card %d (%s)", h.Index, h.Holder)
}

// of reports whether the header claims a card of the set.
func (h Header) of(set quorum.CardSet) bool { return h.HKNSO == set.HKNSO && h.Set == set.Number }
