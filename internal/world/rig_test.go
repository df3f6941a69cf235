package world

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byok/internal/attest"
	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/quorum"
	"byok/internal/secondproc"
	"byok/internal/secret"
	"byok/internal/stamp"
	"byok/internal/testkit/softhsm"
	"byok/internal/toolset"
)

// TestMain lets the test program be the second process.
func TestMain(m *testing.M) {
	if secondproc.IsChild(os.Args) {
		os.Exit(secondproc.Child(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

const userPIN = "user-pin-of-the-test"

func pin(s string) *secret.Bytes { return secret.Take([]byte(s)) }

// people is a UI that answers as the people of a test would.
type people struct {
	said, warned []string
	passphrases  []string
	paper        func(why string) (int, string, error)
	reason       string
	approve      func(word string) error
	accept       func(LibraryChange) error
}

func newPeople(n int) *people {
	p := &people{}
	for i := range n {
		p.passphrases = append(p.passphrases, passphrase(i))
	}
	return p
}

func passphrase(card int) string { return fmt.Sprintf("passphrase of card %d", card+1) }

func (p *people) Say(format string, args ...any) {
	p.said = append(p.said, fmt.Sprintf(format, args...))
}
func (p *people) Warn(text string) { p.warned = append(p.warned, text) }
func (p *people) Tries() int       { return 1 }

func (p *people) Passphrase(a cards.Ask) (*secret.Bytes, error) {
	return pin(p.passphrases[a.Medium]), nil
}

func (p *people) NewPassphrase(a cards.Ask, _ *secret.Bytes) (*secret.Bytes, bool, error) {
	return pin(p.passphrases[a.Medium]), true, nil
}

func (p *people) UserPIN(string) (*secret.Bytes, error) { return pin(userPIN), nil }

func (p *people) ApproveList(word string) error {
	if p.approve != nil {
		return p.approve(word)
	}
	return nil
}

func (p *people) LastStatement(why string) (int, string, error) {
	if p.paper == nil {
		return 0, "", errors.New("nobody kept a paper record: " + why)
	}
	return p.paper(why)
}

func (p *people) Reason([]string) (string, error) {
	if p.reason == "" {
		return "", errors.New("nobody knows why")
	}
	return p.reason, nil
}

func (p *people) AcceptLibrary(c LibraryChange) error {
	if p.accept != nil {
		return p.accept(c)
	}
	return nil
}

func (p *people) AcceptSerial(string, string) error { return nil }

// fakeLog is a ceremony log of some lines.
type fakeLog struct{ lines []string }

func (l *fakeLog) add(line string) { l.lines = append(l.lines, line) }

func (l *fakeLog) Head() (kmdata.LogHead, error) { return l.at(len(l.lines)), nil }

func (l *fakeLog) at(n int) kmdata.LogHead {
	if n == 0 {
		return kmdata.LogHead{}
	}
	return kmdata.LogHead{Lines: n, SHA256: fingerprint.Of([]byte(strings.Join(l.lines[:n], "\n")))}
}

func (l *fakeLog) Since(head kmdata.LogHead) ([]string, bool, error) {
	if head.Lines > len(l.lines) || l.at(head.Lines) != head {
		return nil, false, nil
	}
	return l.lines[head.Lines:], true, nil
}

// place is a SoftHSM, a kmdata folder and blank cards.
type place struct {
	library string
	dir     string
	label   string
	folders []string
	log     *fakeLog
	people  *people
}

func newPlace(t *testing.T, n int) *place {
	t.Helper()
	p := &place{library: softhsm.New(t), dir: t.TempDir(), label: "test world", log: &fakeLog{}, people: newPeople(n)}
	p.log.add("world create begins")
	for range n {
		p.folders = append(p.folders, t.TempDir())
	}
	return p
}

func (p *place) access() Access {
	return Access{
		Dir: p.dir, Library: p.library, UI: p.people, Log: p.log,
		Program: kmdata.Program{Version: "test", SHA256: fingerprint.Of([]byte("test"))},
	}
}

func (p *place) order(k int) CardOrder {
	names := []string{"Ada", "Ben", "Cleo", "Dana"}
	return CardOrder{
		Quorum: quorum.Quorum{K: k, N: len(p.folders)}, Holders: names[:len(p.folders)], Media: cards.Folders(p.folders), Work: 2,
	}
}

func (p *place) creation(k int) Creation {
	return Creation{
		Access: p.access(), CardOrder: p.order(k), Label: p.label, Suite: kmdata.SuiteDefault, Rehearsal: true,
		UserPIN: func(hsm.Token, bool) (*secret.Bytes, error) { return pin(userPIN), nil },
	}
}

// newWorld creates a rehearsal world with a quorum of 2/3.
func newWorld(t *testing.T) *place {
	t.Helper()
	p := newPlace(t, 3)
	if _, err := Create(p.creation(2)); err != nil {
		t.Fatal(err, exitcode.HintOf(err))
	}
	return p
}

// station connects the world's module.
func (p *place) station(t *testing.T) *Station {
	t.Helper()
	s, err := p.connect()
	if err != nil {
		t.Fatal(err, exitcode.HintOf(err))
	}
	t.Cleanup(s.Close)
	return s
}

func (p *place) connect() (*Station, error) {
	chain, err := kmdata.Open(p.dir)
	if err != nil {
		return nil, err
	}
	return Connect(chain, "", p.people)
}

// quorum runs f in a quorum session with the first two cards.
func (p *place) quorum(t *testing.T, f func(s *Session) error) error {
	t.Helper()
	station, err := p.connect()
	if err != nil {
		return err
	}
	defer station.Close()
	s, err := Begin(p.access(), station, cards.Folders(p.folders[:2]))
	if err != nil {
		return err
	}
	defer s.Close()
	p.log.add("a quorum session")
	return f(s)
}

// operator runs f with the user logged in.
func (p *place) operator(t *testing.T, f func(o *Operator) error) error {
	t.Helper()
	station, err := p.connect()
	if err != nil {
		return err
	}
	defer station.Close()
	o, err := Login(station, pin(userPIN))
	if err != nil {
		return err
	}
	defer o.Close()
	return f(o)
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%d; hint: %s)", err, exitcode.Of(err), exitcode.HintOf(err))
	}
}

func kindNamed(t *testing.T, name string) keykind.Kind {
	t.Helper()
	k, err := keykind.Parse(name)
	ok(t, err)
	return k
}

// vaultKEK is a key exchange key of a rehearsal vault, with its private half.
type vaultKEK struct {
	*attest.KEK
	private *rsa.PrivateKey
}

func newKEK(t *testing.T, name string) vaultKEK {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	ok(t, err)
	public, err := keykind.MarshalPublicKey(&private.PublicKey)
	ok(t, err)
	sum, err := keykind.SPKIHash(&private.PublicKey)
	ok(t, err)
	id, err := kek.ParseID("https://localhost:8443/keys/" + name + "/" + strings.Repeat("0a", 16))
	ok(t, err)
	sw := toolset.SecurityWorldPackage{
		Type: toolset.SecurityWorldType, Version: toolset.Version, Suffix: "CONTOSO", Generation: 1, Mark: kek.Rehearsal,
		Service: kek.ServiceVault, Cloud: "AzurePublic", Vault: id.Vault,
	}
	swBytes, err := sw.Marshal()
	ok(t, err)
	pkg := toolset.KEKPackage{
		Type: toolset.KEKType, Version: toolset.Version, Suffix: "CONTOSO", Generation: 1, Mark: kek.Rehearsal,
		KID: id, PublicKey: public, KTY: "RSA-HSM", KeyOps: []string{"import"}, Enabled: true, HSMPlatform: "2", Created: stamp.Now(),
		SecurityWorld: fingerprint.Of(swBytes),
	}
	pair, err := toolset.NewPair(pkg, sw)
	ok(t, err)
	said := kek.Statement{Fingerprint: fingerprint.Whole(sum), KID: id, ImportOnly: true, By: "Olga"}
	result, err := attest.Check(pair, kek.Policy{Rehearsal: true, Said: &said, Now: time.Now()})
	if err != nil {
		t.Fatal(err, result.Findings)
	}
	return vaultKEK{result.KEK, private}
}

var _ = filepath.Join
