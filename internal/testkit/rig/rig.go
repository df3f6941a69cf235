// Package rig makes security worlds on SoftHSM for the tests of packages
// session, keys and world, and the programs'. Production code does not import
// it.
package rig

import (
	"os"
	"path/filepath"
	"testing"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/quorum"
	"byok/internal/secondproc"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/world"
)

// UserPIN is the user PIN of every rig.
const UserPIN = "user-pin-of-the-test"

// deadChild is the file beside SoftHSM's configuration with which the second
// process does not answer. Its environment is a list; the configuration is in it.
func deadChild() string {
	return filepath.Join(filepath.Dir(os.Getenv("SOFTHSM2_CONF")), "second-process-is-dead")
}

// NoChild lets the second process of every probe die before it answers. Call
// the result to let it answer again.
func NoChild(t testing.TB) (again func()) {
	t.Cleanup(func() { _ = os.Remove(deadChild()) })
	OK(t, os.WriteFile(deadChild(), nil, 0o600))
	return func() { OK(t, os.Remove(deadChild())) }
}

// Main runs the tests, and lets the test program be the second process of a
// probe. Call it from TestMain.
func Main(m *testing.M) {
	if secondproc.IsChild(os.Args) {
		if _, err := os.Stat(deadChild()); err == nil {
			os.Exit(1)
		}
		os.Exit(secondproc.Child(os.Stdin, os.Stdout))
	}
	status := m.Run()
	theStage.remove()
	os.Exit(status)
}

// Secret is text in locked memory.
func Secret(text string) *secret.Bytes { return secret.Take([]byte(text)) }

// OK fails the test at once for an error, with its status and hint.
func OK(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (status %d; hint: %s)", err, exitcode.Of(err), exitcode.HintOf(err))
	}
}

// Kind is the kind of key with the name, such as "P-256".
func Kind(t testing.TB, name string) keykind.Kind {
	t.Helper()
	k, err := keykind.Parse(name)
	OK(t, err)
	return k
}

// Rig is a SoftHSM, a kmdata folder, cards, a ceremony log, and the people.
type Rig struct {
	Library string
	Dir     string // kmdata
	Label   string // of the token
	Folders []string
	Holders []string
	Log     *Log
	People  *People

	trusting string // folder in which the vendor's tool trusts
}

// Access is what a session needs.
func (r *Rig) Access() session.Access {
	return session.Access{
		Dir: r.Dir, Library: r.Library, UI: r.People, Log: r.Log,
		Program: statement.Program{Version: "test", SHA256: fingerprint.Of([]byte("test"))},
	}
}

// Order is a card set of the rig's cards, of which k are needed.
func (r *Rig) Order(k int) world.CardOrder {
	return world.CardOrder{
		Quorum: quorum.Quorum{K: k, N: len(r.Folders)}, Holders: r.Holders, Media: cards.Folders(r.Folders), Work: 2,
	}
}

// Creation asks for a rehearsal world of the rig's cards.
func (r *Rig) Creation(k int) world.Creation {
	return world.Creation{
		Access: r.Access(), CardOrder: r.Order(k), Label: r.Label, Suite: statement.SuiteDefault, Rehearsal: true,
		UserPIN: func(hsm.Token, bool) (*secret.Bytes, error) { return Secret(UserPIN), nil },
	}
}

// Recovery asks for the world on a free token of the label.
func (r *Rig) Recovery(label string) world.Recovery {
	return world.Recovery{
		Access: r.Access(), Media: cards.Folders(r.Folders), Label: label,
		UserPIN: func(hsm.Token) (*secret.Bytes, error) { return Secret(UserPIN), nil },
	}
}

// Paper is what the card holders wrote down of the newest statement, and of
// every later one as they see it.
func (r *Rig) Paper(t testing.TB) func(string) (int, string, error) {
	return func(string) (int, string, error) {
		last := r.Chain(t).Last()
		return last.Number(), last.Sum.FirstWords(1), nil
	}
}

// Chain opens kmdata.
func (r *Rig) Chain(t testing.TB) *kmdata.Chain {
	t.Helper()
	c, err := kmdata.Open(r.Dir)
	OK(t, err)
	return c
}

// Connect connects the world's module. The caller closes the station.
func (r *Rig) Connect() (*session.Station, error) {
	chain, err := kmdata.Open(r.Dir)
	if err != nil {
		return nil, err
	}
	return session.Connect(chain, r.Library, hsm.TokenName{}, r.People)
}

// Quorum runs f in a quorum session with the first two cards.
func (r *Rig) Quorum(f func(s *session.Quorum) error) error { return r.QuorumOf(r.Folders[:2], f) }

// QuorumOf is [Rig.Quorum] with the cards in the given folders.
func (r *Rig) QuorumOf(folders []string, f func(s *session.Quorum) error) error {
	return r.With(r.Access(), folders, f)
}

// With is [Rig.QuorumOf] with another access.
func (r *Rig) With(a session.Access, folders []string, f func(s *session.Quorum) error) error {
	station, err := r.Connect()
	if err != nil {
		return err
	}
	defer station.Close()
	s, err := session.Begin(a, station, cards.Folders(folders))
	if err != nil {
		return err
	}
	defer s.Close()
	r.Log.Add("a quorum session")
	return f(s)
}

// Operator runs f with the user logged in.
func (r *Rig) Operator(f func(o *session.Operator) error) error {
	station, err := r.Connect()
	if err != nil {
		return err
	}
	defer station.Close()
	return session.WithOperator(r.Access(), station, cards.Folders(r.Folders[:min(2, len(r.Folders))]), f)
}
