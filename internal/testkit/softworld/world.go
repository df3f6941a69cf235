package softworld

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"fmt"

	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/keywrap"
	"byok/internal/kmdata"
	"byok/internal/library"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/statement"
)

// World is a security world whose every key is at hand.
type World struct {
	Dir     string // kmdata
	Chain   *kmdata.Chain
	Sets    []Set             // card sets; the last is in force
	KML     map[string]Signer // by module
	Modules []string          // in the order in which they joined
	lines   int               // of a ceremony log that was never written
	log     func() statement.LogHead
}

// Set is a card set with what its cards open.
type Set struct {
	*quorum.Issue
	KNSO Signer
	KM   *rsa.PrivateKey
}

// Options says what world to make.
type Options struct {
	Label     string          // "" is Contoso
	Rehearsal bool            //
	Quorum    quorum.Quorum   // zero is 2/3
	Guard     statement.Guard // "" is trust
	// Log gives the head of the ceremony log for the next statement; nil makes
	// one up.
	Log func() statement.LogHead
}

// names of card holders, as many as are needed.
var names = []string{"Alice", "Bob", "Carol", "Dave", "Erin", "Frank"}

// New makes a world in the kmdata folder dir, with one module.
func New(dir string, o Options) (*World, error) {
	if o.Label == "" {
		o.Label = "Contoso"
	}
	if o.Guard == "" {
		o.Guard = statement.GuardTrust
	}
	if o.Quorum.N == 0 {
		o.Quorum = quorum.Quorum{K: 2, N: 3}
	}
	w := &World{Dir: dir, KML: map[string]Signer{}, log: o.Log}
	set, err := w.deal(func(hknso fingerprint.Sum) (*quorum.Issue, error) {
		return quorum.New(o.Quorum, names[:o.Quorum.N], hknso, o.Rehearsal)
	})
	if err != nil {
		return nil, err
	}
	knso, km, err := set.seal()
	if err != nil {
		return nil, err
	}
	s := &statement.World{
		Label: o.Label,
		Suite: statement.SuiteDefault,
		Guard: o.Guard,
		Cards: set.Set,
		KNSO:  knso,
		KM:    km,
	}
	kmdata.First(s, kmdata.Session{Log: w.head(), Program: program, Present: holders(set.Set, o.Quorum.N)})
	if w.Chain, err = kmdata.Create(dir, s, set.KNSO); err != nil {
		return nil, err
	}
	w.Sets = append(w.Sets, set)
	_, err = w.Join()
	return w, err
}

var program = statement.Program{Version: "softworld", SHA256: fingerprint.Of([]byte("softworld"))}

// deal makes the keys of a card set and its cards.
func (w *World) deal(issue func(hknso fingerprint.Sum) (*quorum.Issue, error)) (s Set, err error) {
	if s.KNSO, err = NewSigner(); err != nil {
		return s, err
	}
	if s.KM, err = RSA(statement.KMBits, len(w.Sets)+2); err != nil {
		return s, err
	}
	s.Issue, err = issue(s.KNSO.Sum())
	return s, err
}

// seal seals both private halves under the world secret.
func (s Set) seal() (knso, km statement.SealedKey, err error) {
	if knso, err = s.sealed(quorum.PurposeSealKNSO, s.KNSO.PrivateKey, s.KNSO.Public()); err != nil {
		return knso, km, err
	}
	km, err = s.sealed(quorum.PurposeSealKM, s.KM, s.KM.Public())
	return knso, km, err
}

func (s Set) sealed(p quorum.Purpose, private, public any) (k statement.SealedKey, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return k, err
	}
	if k.PublicKey, err = keykind.MarshalPublicKey(public); err != nil {
		return k, err
	}
	plain := secret.Take(der)
	defer plain.Wipe()
	k.Sealed, err = quorum.Seal(s.Secret, s.Set.Context(), p, plain)
	return k, err
}

// Set is the card set in force.
func (w *World) Set() Set { return w.Sets[len(w.Sets)-1] }

// Module is the module that joined first.
func (w *World) Module() string { return w.Modules[0] }

// holders lists the first n cards of a set.
func holders(set quorum.CardSet, n int) []statement.CardHolder {
	var list []statement.CardHolder
	for i, name := range set.Holders[:n] {
		list = append(list, statement.CardHolder{Index: i + 1, Holder: name})
	}
	return list
}

// head is the log some lines later.
func (w *World) head() statement.LogHead {
	if w.log != nil {
		return w.log()
	}
	w.lines += 3
	return statement.LogHead{Lines: w.lines, SHA256: fingerprint.Of(fmt.Append(nil, "line ", w.lines))}
}

// Session is the session of a quorum: K cards, and a log that has grown.
func (w *World) Session() kmdata.Session {
	set := w.Set().Set
	return kmdata.Session{Log: w.head(), Program: program, Present: holders(set, set.Quorum.K)}
}

// Sign appends a statement as it is. change edits it behind [kmdata.Chain.Next],
// which has filled in its header.
func (w *World) Sign(s statement.Statement, change ...func()) (kmdata.Entry, error) {
	w.Chain.Next(s, w.Session())
	for _, c := range change {
		c()
	}
	return w.Chain.Append(s, w.Set().KNSO, nil)
}

// Seal appends a seal.
func (w *World) Seal() (kmdata.Entry, error) { return w.Sign(&statement.Seal{}) }

// Join appends the statement of a further module and returns its id.
func (w *World) Join() (string, error) {
	kml, err := NewSigner()
	if err != nil {
		return "", err
	}
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails
	id := hex.EncodeToString(random)
	w.KML[id] = kml
	w.Modules = append(w.Modules, id)
	_, err = w.Restate(id)
	return id, err
}

// Restate appends a newer statement of a module, as an upgrade or the end of a
// card replacement on it does.
func (w *World) Restate(id string) (kmdata.Entry, error) { return w.Sign(w.Statement(id)) }

// Statement is what the next statement of a module says.
func (w *World) Statement(id string) *statement.Module {
	m := &statement.Module{
		Module:  id,
		CardSet: w.Set().Set.Number,
		Guard:   w.Chain.World().Guard,
		Library: library.Identity{Path: "/opt/example/libexample.so", SHA256: fingerprint.Of([]byte("library")),
			Family: "unknown"},
		Token: statement.Token{Manufacturer: "Example", Model: "HSM", Serial: id[:8], Label: "token", Firmware: "1.0"},
		SOPIN: statement.PIN{Characters: 40, Bits: 200},
		KML:   w.KML[id].Text(),
		Form:  keywrap.OneCall,
	}
	if m.Traits().UserPIN {
		m.UserPIN = m.SOPIN
	}
	return m
}

// StrikeOff appends the end of a module.
func (w *World) StrikeOff(id string) (kmdata.Entry, error) {
	return w.Sign(&statement.Module{Module: id, StruckOff: "the module was destroyed"})
}

// ReplaceCards appends a card replacement and, for the modules given, the
// statement that it has reached them. The others are left behind.
func (w *World) ReplaceCards(reached ...string) error {
	old := w.Set()
	set, err := w.deal(func(hknso fingerprint.Sum) (*quorum.Issue, error) {
		return old.Set.Replace(old.Set.Quorum, old.Set.Holders, hknso)
	})
	if err != nil {
		return err
	}
	s := &statement.Cards{Cards: set.Set}
	if s.KNSO, s.KM, err = set.seal(); err != nil {
		return err
	}
	for _, id := range w.Modules {
		s.PINs = append(s.PINs, statement.SealedPIN{Module: id, Sealed: "c2VhbGVk"})
	}
	w.Chain.Next(s, w.Session())
	if _, err := w.Chain.Append(s, old.KNSO, set.KNSO); err != nil {
		return err
	}
	w.Sets = append(w.Sets, set)
	for _, id := range reached {
		if _, err := w.Restate(id); err != nil {
			return err
		}
	}
	return nil
}
