// Package secret holds PINs, passphrases, shares and keys while they are
// needed, in pages that are locked into memory and left out of core dumps,
// and wipes them afterwards.
//
// A *Bytes prints as [secret] with every fmt verb and cannot be encoded as
// JSON. Use Take to move bytes in, Reveal for the one call that needs them,
// and Wipe as soon as that call returns. Do not convert a secret to a Go
// string of its own: such a copy can never be wiped; Text gives a string that
// shares the locked page, for APIs that want one.
package secret

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"unsafe"
)

// Bytes is a secret in locked memory. Its zero value is an empty secret.
type Bytes struct {
	page []byte // whole pages, as mapped
	n    int
}

// New returns a secret of n zero bytes, to be filled through Reveal.
func New(n int) *Bytes {
	return &Bytes{page: lockedPages(n), n: n}
}

// Take moves src into locked memory and wipes src.
func Take(src []byte) *Bytes {
	s := New(len(src))
	copy(s.page, src)
	clear(src)
	return s
}

// Reveal returns the secret itself, valid until Wipe. Do not keep it.
func (s *Bytes) Reveal() []byte {
	if s == nil {
		return nil
	}
	return s.page[:s.n:s.n]
}

// Text returns the secret as a string over the same memory, for APIs that
// take strings. It must not be used after Wipe.
func (s *Bytes) Text() string {
	b := s.Reveal()
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// Len returns the length in bytes, which is not treated as secret.
func (s *Bytes) Len() int { return len(s.Reveal()) }

// Equal compares in constant time.
func (s *Bytes) Equal(o *Bytes) bool {
	return subtle.ConstantTimeCompare(s.Reveal(), o.Reveal()) == 1
}

// Wipe zeroes the secret and releases its pages; the secret is empty
// afterwards. Wiping twice, or wiping nil, is harmless.
func (s *Bytes) Wipe() {
	if s == nil || s.page == nil {
		return
	}
	clear(s.page)
	release(s.page)
	s.page, s.n = nil, 0
}

// Format prints [secret], whatever the verb.
func (s *Bytes) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secret]") }

// MarshalJSON always fails: no secret belongs in a file.
func (s *Bytes) MarshalJSON() ([]byte, error) {
	return nil, errors.New("a secret is never encoded")
}
