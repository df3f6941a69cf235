// Package fingerprint shows a SHA-256 sum so that people can compare it
// across an air gap: as hex digits, as hex in groups, and as words to be read
// aloud (see Rows), and reads all of these back.
//
// Use [Of] or [Reader] for the sum and [Parse] for what a person typed;
// compare sums with ==. Where a person knows only how a sum begins, use
// [ParsePrefix] and say how many words are enough: an attacker who may try
// inputs at will finds one whose first words match, at 8 bits a word. A sum is
// public: do not use this package for secrets.
package fingerprint

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"byok/internal/exitcode"
)

// Sum is a SHA-256 sum (FIPS 180-4). It is the one type for a SHA-256 sum, of
// whatever it may be. In JSON it is 64 lower-case hex digits.
type Sum [sha256.Size]byte

// Of returns the sum of data.
func Of(data []byte) Sum { return sha256.Sum256(data) }

// Reader returns the sum of everything r delivers.
func Reader(r io.Reader) (Sum, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return Sum{}, err
	}
	return Sum(h.Sum(nil)), nil
}

// String returns 64 lower-case hex digits.
func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// IsZero reports whether the sum is missing: no input is known whose sum is
// zero. With it the JSON option omitzero leaves the field out.
func (s Sum) IsZero() bool { return s == Sum{} }

// Groups returns the hex digits in eight groups of eight, one space apart.
func (s Sum) Groups() string {
	var groups []string
	for i := 0; i < len(s); i += 4 {
		groups = append(groups, hex.EncodeToString(s[i:i+4]))
	}
	return strings.Join(groups, " ")
}

// Words returns 32 words of the PGP word list, one a byte.
func (s Sum) Words() []string {
	words := make([]string, len(s))
	for i, b := range s {
		words[i] = listAt(i)[b]
	}
	return words
}

// FirstWords returns the first n words (1 to 32), one space apart, as a paper
// record holds them.
func (s Sum) FirstWords(n int) string { return strings.Join(s.Words()[:n], " ") }

// wordsInRow is how many words a person can hold while reading aloud.
const wordsInRow = 4

// Rows returns the words in eight numbered rows of four, in columns that are
// the same for every sum, such as
//
//	1  topmost    Istanbul     Pluto      vagabond
func (s Sum) Rows() []string {
	var rows []string
	words := s.Words()
	for i := 0; i < len(words); i += wordsInRow {
		w := words[i : i+wordsInRow]
		rows = append(rows, fmt.Sprintf("%d  %-9s  %-11s  %-9s  %s", i/wordsInRow+1, w[0], w[1], w[2], w[3]))
	}
	return rows
}

// MarshalText returns the sum as String does, for JSON files.
func (s Sum) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts only what MarshalText returns. For what a person
// typed, use Parse.
func (s *Sum) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(s) || Sum(b).String() != string(text) {
		return exitcode.Errorf(exitcode.Usage, "a SHA-256 sum is %d lower-case hex digits", 2*len(s))
	}
	*s = Sum(b)
	return nil
}

// listAt returns the word list for the byte at an offset from 0.
func listAt(offset int) []string {
	if offset%2 == 0 {
		return evenWords
	}
	return oddWords
}
