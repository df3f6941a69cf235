package rig

import (
	"errors"
	"fmt"
	"strings"

	"byok/internal/cards"
	"byok/internal/fingerprint"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
)

// People is a UI that answers as the people around a test would. A nil field
// is the answer of people who agree and know nothing.
type People struct {
	Said, Warned []string
	Passphrases  []string // of the cards, in the order of the media
	PIN          string   // "" is UserPIN
	Paper        func(why string) (int, string, error)
	Why          string // the reason for a break
	Approve      func(word string) error
	Accept       func(session.LibraryChange) error
	Serial       func(token, serial string) error
}

// NewPeople are people with the passphrases of n cards.
func NewPeople(n int) *People {
	p := &People{}
	for i := range n {
		p.Passphrases = append(p.Passphrases, Passphrase(i))
	}
	return p
}

// Passphrase is that of a card, counted from 0.
func Passphrase(card int) string { return fmt.Sprintf("passphrase of card %d", card+1) }

// Say notes what is said.
func (p *People) Say(format string, args ...any) {
	p.Said = append(p.Said, fmt.Sprintf(format, args...))
}

// Warn notes a warning.
func (p *People) Warn(text string) { p.Warned = append(p.Warned, text) }

// Tries is 1, as from a file.
func (p *People) Tries() int { return 1 }

// Passphrase gives the passphrase of the medium asked for.
func (p *People) Passphrase(a cards.Ask) (*secret.Bytes, error) {
	return Secret(p.Passphrases[a.Medium]), nil
}

// NewPassphrase gives the holder's own passphrase.
func (p *People) NewPassphrase(a cards.Ask, _ *secret.Bytes) (*secret.Bytes, bool, error) {
	return Secret(p.Passphrases[a.Medium]), true, nil
}

// UserPIN gives the user PIN.
func (p *People) UserPIN(string) (*secret.Bytes, error) {
	if p.PIN != "" {
		return Secret(p.PIN), nil
	}
	return Secret(UserPIN), nil
}

// ApproveList approves.
func (p *People) ApproveList(word string) error {
	if p.Approve != nil {
		return p.Approve(word)
	}
	return nil
}

// LastStatement reads the paper record.
func (p *People) LastStatement(why string) (int, string, error) {
	if p.Paper == nil {
		return 0, "", errors.New("no paper record was kept: " + why)
	}
	return p.Paper(why)
}

// Reason gives the reason for a break.
func (p *People) Reason([]string) (string, error) {
	if p.Why == "" {
		return "", errors.New("the people know no reason")
	}
	return p.Why, nil
}

// AcceptLibrary accepts.
func (p *People) AcceptLibrary(c session.LibraryChange) error {
	if p.Accept != nil {
		return p.Accept(c)
	}
	return nil
}

// AcceptSerial accepts.
func (p *People) AcceptSerial(token, serial string) error {
	if p.Serial != nil {
		return p.Serial(token, serial)
	}
	return nil
}

// Log is a ceremony log of some lines.
type Log struct{ Lines []string }

// Add appends a line.
func (l *Log) Add(line string) { l.Lines = append(l.Lines, line) }

// Head is the log as it stands now.
func (l *Log) Head() (statement.LogHead, error) { return l.at(len(l.Lines)), nil }

func (l *Log) at(n int) statement.LogHead {
	if n == 0 {
		return statement.LogHead{}
	}
	return statement.LogHead{Lines: n, SHA256: fingerprint.Of([]byte(strings.Join(l.Lines[:n], "\n")))}
}

// Since lists the lines behind a head.
func (l *Log) Since(head statement.LogHead) ([]string, bool, error) {
	if head.Lines > len(l.Lines) || l.at(head.Lines) != head {
		return nil, false, nil
	}
	return l.Lines[head.Lines:], true, nil
}
