package rig

import (
	"errors"
	"fmt"
	"strings"

	"byok/internal/cards"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/officer"
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
	Officer      func(officer.Order) error   // with the vendor's tool, once he is asked
	Refuse       func(question string) error // of every question, if it is not nil
	Drawn        bool                        // new cards get the passphrases that are drawn
	DieAt        int                         // the process ends at the n-th thing said, counted from 1

	spoken int
}

// Died is how a process ends in these tests: nothing is taken back.
type Died struct{}

// Survive runs f, and reports whether the process in it has died.
func Survive(f func() error) (died bool, err error) {
	defer func() {
		cause := recover()
		if _, is := cause.(Died); is {
			died = true
		} else if cause != nil {
			panic(cause)
		}
	}()
	return false, f()
}

// speak counts what is said, and dies at the chosen place.
func (p *People) speak() {
	p.spoken++
	if p.spoken == p.DieAt {
		panic(Died{})
	}
}

// ask refuses a question, if the test says so.
func (p *People) ask(question string) error {
	if p.Refuse == nil {
		return nil
	}
	return p.Refuse(question)
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
	p.speak()
}

// Warn notes a warning.
func (p *People) Warn(text string) {
	p.Warned = append(p.Warned, text)
	p.speak()
}

// Insert has put the medium into its socket already.
func (p *People) Insert(string) error { return p.ask("Insert") }

// Tries is 1, as from a file.
func (p *People) Tries() int { return 1 }

// Passphrase gives the passphrase of the medium asked for.
func (p *People) Passphrase(a cards.Ask) (*secret.Bytes, error) {
	if err := p.ask("Passphrase"); err != nil {
		return nil, err
	}
	return Secret(p.Passphrases[a.Medium]), nil
}

// NewPassphrase gives the holder's own passphrase, or the drawn one.
func (p *People) NewPassphrase(a cards.Ask, drawn *secret.Bytes) (*secret.Bytes, bool, error) {
	if err := p.ask("NewPassphrase"); err != nil {
		return nil, false, err
	}
	if p.Drawn {
		p.Passphrases[a.Medium] = strings.Clone(drawn.Text())
	}
	return Secret(p.Passphrases[a.Medium]), !p.Drawn, nil
}

// UserPIN gives the user PIN.
func (p *People) UserPIN(hsm.Token) (*secret.Bytes, error) {
	if err := p.ask("UserPIN"); err != nil {
		return nil, err
	}
	if p.PIN != "" {
		return Secret(p.PIN), nil
	}
	return Secret(UserPIN), nil
}

// ApproveList approves.
func (p *People) ApproveList(word string) error {
	if err := p.ask("ApproveList"); err != nil {
		return err
	}
	if p.Approve != nil {
		return p.Approve(word)
	}
	return nil
}

// LastStatement reads the paper record.
func (p *People) LastStatement(why string) (int, string, error) {
	if err := p.ask("LastStatement"); err != nil {
		return 0, "", err
	}
	if p.Paper == nil {
		return 0, "", errors.New("no paper record was kept: " + why)
	}
	return p.Paper(why)
}

// Reason gives the reason for a break.
func (p *People) Reason([]string) (string, error) {
	if err := p.ask("Reason"); err != nil {
		return "", err
	}
	if p.Why == "" {
		return "", errors.New("the people know no reason")
	}
	return p.Why, nil
}

// AcceptLibrary accepts.
func (p *People) AcceptLibrary(c session.LibraryChange) error {
	if err := p.ask("AcceptLibrary"); err != nil {
		return err
	}
	if p.Accept != nil {
		return p.Accept(c)
	}
	return nil
}

// AcceptSerial accepts.
func (p *People) AcceptSerial(token, serial string) error {
	if err := p.ask("AcceptSerial"); err != nil {
		return err
	}
	if p.Serial != nil {
		return p.Serial(token, serial)
	}
	return nil
}

// AwaitOfficer lets the officer work, and looks once what came of it.
func (p *People) AwaitOfficer(order officer.Order, done func() (bool, error)) error {
	if err := p.ask("AwaitOfficer"); err != nil {
		return err
	}
	if p.Officer != nil {
		if err := p.Officer(order); err != nil {
			return err
		}
	}
	there, err := done()
	if err == nil && !there {
		err = errors.New("the officer did not trust " + order.Label)
	}
	return err
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
