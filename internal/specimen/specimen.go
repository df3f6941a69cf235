// Package specimen makes transfer packages in software, for tests and
// benchmarks: [NewWorld], then [World.Package], then [Write]. What it makes
// verifies like a ceremony's under [World.HKNSO], and its keys were never in an
// HSM.
//
// Do not import it into a program: it holds keys in clear, and its worlds are
// no one's.
package specimen

import (
	"crypto/rsa"
	"fmt"
	"os"
	"path/filepath"

	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/statement"
	"byok/internal/testkit/softworld"
	"byok/internal/transfer"
)

// World is a security world in software, once for rehearsals and once for
// production.
type World struct {
	dir    string
	worlds map[bool]*softworld.World // by rehearsal
	made   int                       // packages
}

// NewWorld makes a world of its own in a temporary folder; see [World.Close].
func NewWorld() (*World, error) {
	dir, err := os.MkdirTemp("", "byok-specimen-")
	return &World{dir: dir, worlds: map[bool]*softworld.World{}}, err
}

// Close removes the world's folder.
func (w *World) Close() error { return os.RemoveAll(w.dir) }

func (w *World) soft(rehearsal bool) (*softworld.World, error) {
	if soft, made := w.worlds[rehearsal]; made {
		return soft, nil
	}
	dir := filepath.Join(w.dir, fmt.Sprintf("rehearsal-%t", rehearsal))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	soft, err := softworld.New(dir, softworld.Options{Label: "Specimen", Rehearsal: rehearsal})
	if err != nil {
		return nil, err
	}
	w.worlds[rehearsal] = soft
	return soft, nil
}

// HKNSO is what a person would know of the world: its hknso, as a rehearsal or
// for production.
func (w *World) HKNSO(rehearsal bool) (fingerprint.Sum, error) {
	soft, err := w.soft(rehearsal)
	if err != nil {
		return fingerprint.Sum{}, err
	}
	return soft.Chain.HKNSO(), nil
}

// KEK is what a package is made for, and in which of the two worlds.
type KEK struct {
	ID        kek.ID
	Public    *rsa.PublicKey
	Rehearsal bool
	Replaces  *statement.Replaced // the key that the package's follows; nil for none
}

// Package makes the transfer package of key, an *ecdsa.PrivateKey, a
// *secp256k1.PrivateKey, an *rsa.PrivateKey, or the bytes of an AES key. ops
// are its key operations; none means all that its kind has.
func (w *World) Package(k KEK, name string, key any, ops ...string) (*transfer.Package, error) {
	soft, err := w.soft(k.Rehearsal)
	if err != nil {
		return nil, err
	}
	described, err := softworld.KeyOf(key)
	if err != nil {
		return nil, err
	}
	w.made++
	copies, err := soft.Transfer(softworld.Request{
		Ident:  fmt.Sprintf("specimen-%d", w.made),
		Key:    described,
		KEK:    softworld.KEK{ID: k.ID, Public: k.Public},
		Name:   name,
		KeyOps: ops,
		Change: func(a *statement.Approval) { a.Replaces = k.Replaces },
	})
	if err != nil {
		return nil, err
	}
	return transfer.Make(soft.Chain, transfer.Request{
		Copy:           copies[0],
		SubscriptionID: "00000000-0000-0000-0000-000000000000",
		Generator:      "specimen",
	}, soft.KML[soft.Module()])
}

// Write puts the package's files into dir and returns the path of the .byok.
func Write(dir string, p *transfer.Package) (string, error) {
	paths, err := p.Write(dir)
	if err != nil {
		return "", err
	}
	return paths[0], nil
}
