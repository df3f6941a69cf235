package kek

import (
	"errors"
	"fmt"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/printable"
)

// LeastWords is how much of a KEK's fingerprint the vault's owner must have
// said: 8 words, 64 bits.
const LeastWords = 8

// maxBy is the longest name of a person, in bytes.
const maxBy = 100

// Said is what the vault's owner said about a KEK over a channel other than the
// toolset. The holders enter it before the program shows anything of the KEK,
// so that the screen is not compared with itself. It is never taken from a file
// that came with the packages.
type Said struct {
	Fingerprint fingerprint.Prefix `json:"fingerprint"` // of the SubjectPublicKeyInfo: at least LeastWords words
	KID         ID                 `json:"kid"`         // with its version
	ImportOnly  bool               `json:"import_only"` // that the service keeps the key to this one operation
	By          string             `json:"by"`          // who said it: one line of at most 100 bytes
}

// ParseSaid reads what was said: a fingerprint as words (the first 8 or more) or
// 64 hex digits, the key identifier, that the key is for import only, and by
// whom. All are required. The error has the status Usage.
func ParseSaid(words, kid string, importOnly bool, by string) (Said, error) {
	prefix, err := fingerprint.ParsePrefix(words, LeastWords)
	if err != nil {
		return Said{}, err
	}
	id, err := ParseID(kid)
	if err != nil {
		return Said{}, exitcode.Mark(exitcode.Usage, err)
	}
	s := Said{Fingerprint: prefix, KID: id, ImportOnly: importOnly, By: by}
	return s, exitcode.Mark(exitcode.Usage, s.Check())
}

// Check returns an error unless s is complete, as one that was read from a file
// may not be.
func (s Said) Check() error {
	if s.Fingerprint.Words() < LeastWords {
		return fmt.Errorf("fingerprint: at least the first %d words are needed", LeastWords)
	}
	if err := s.KID.Check(); err != nil {
		return err
	}
	if !s.ImportOnly {
		return errors.New("the vault's owner must say that the key's one operation is import")
	}
	if err := printable.Check(s.By, maxBy); err != nil {
		return fmt.Errorf("the name of who said it: %w", err)
	}
	return nil
}

// Compare compares s with a KEK. The error says which part differs, and not what
// it should have been: that has to come from the vault's owner.
func (s Said) Compare(id ID, sum fingerprint.Sum) error {
	if err := s.Check(); err != nil {
		return err
	}
	switch {
	case !s.KID.Equal(id):
		return fmt.Errorf("%q named a different key identifier than the packages", s.By)
	case !s.Fingerprint.Matches(sum):
		return fmt.Errorf("%q named a different fingerprint than that of the KEK in the packages", s.By)
	}
	return nil
}

// Policy is what the side that checks a toolset brings.
type Policy struct {
	Rehearsal bool // the security world is a rehearsal
	// Own are the SHA-256 sums of SubjectPublicKeyInfos that are not KEKs
	// although they are RSA keys: the module keys of this world, past and
	// present.
	Own []fingerprint.Sum
	// Said is what the vault's owner said; nil if it was not entered. Then no
	// KEK is accepted.
	Said *Said
	Now  time.Time // what dates are held against
}
