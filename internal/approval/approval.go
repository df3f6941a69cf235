// Package approval is the one place on the connected side where a transfer
// package is verified, and where a key, as it is asked for or as it stands in
// the vault, is compared with what a quorum approved.
//
// [Read] gives a [Package] that a quorum approved whose security world a person
// vouched for; [Compare] and [Differences] compare. Do not take what was
// approved from a file by other means.
package approval

import (
	"fmt"
	"slices"

	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/transfer"
	"byok/internal/worlds"
)

// Worlds decides whether a person vouched for the world that a package claims;
// [worlds.Keeper] is one.
type Worlds interface {
	Trust(c worlds.Claim, from string) (worlds.World, error)
}

// Package is a transfer package that a quorum approved, of a world that a
// person vouched for. Only [Read] makes one that is not empty.
type Package struct {
	file  string
	world worlds.World
	facts transfer.Facts
	blob  []byte
}

// Read reads the package of the .byok file at path and verifies it: first that
// it holds together under the world that it brings along, then whether w trusts
// that world, and last the whole package under the hknso that w returned. The
// hknso in force counts, and no earlier one: whoever has the cards of a set that
// was replaced could sign a replacement of their own.
//
// Status Usage: a file is missing or cannot be parsed; Check: the parts do not
// belong together, or a signature is bad; otherwise the status that w gave.
func Read(path string, w Worlds) (Package, error) { return ReadBy(new(transfer.Reader), path, w) }

// ReadBy is [Read] with the reader of all packages of a run.
func ReadBy(r *transfer.Reader, path string, w Worlds) (Package, error) {
	return ReadAmong(r, path, w, nil)
}

// ReadAmong is [ReadBy] where records of worlds are at hand. A package that was
// authorized before its world's cards were replaced is taken if the world's record
// holds its authorization, and w trusts the cards with which that record ends: the
// record shows that the old cards were in force then.
func ReadAmong(r *transfer.Reader, path string, w Worlds, records []*kmdata.Chain) (Package, error) {
	files, err := r.Read(path)
	if err != nil {
		return Package{}, err
	}
	claimed, err := files.Inspect()
	if err != nil {
		return Package{}, err
	}
	claim := worlds.Claim{Label: claimed.Label, First: claimed.First, Current: claimed.Current}
	at := slices.IndexFunc(records, func(c *kmdata.Chain) bool { return holds(c, claimed) })
	if at >= 0 {
		claim.Current = records[at].HKNSO()
	}
	world, err := w.Trust(claim, path)
	if err != nil {
		return Package{}, fmt.Errorf("%s: %w", path, err)
	}
	under := world.Current().SHA256
	if at >= 0 {
		under = claimed.Current
	}
	approved, err := files.Verify(under)
	if err != nil {
		return Package{}, err
	}
	return Package{path, world, approved.Facts(), approved.Blob()}, nil
}

// holds reports whether a world's record holds the authorization of a package.
func holds(c *kmdata.Chain, f transfer.Facts) bool {
	e, _, err := c.Authorization(f.Authorization.Number)
	return err == nil && e.Sum == f.Sum
}

// File returns the path of the .byok, as it was given.
func (p Package) File() string { return p.file }

// World returns the world whose quorum approved the package.
func (p Package) World() worlds.World { return p.world }

// Facts returns everything that the package says.
func (p Package) Facts() transfer.Facts { return p.facts }

// Approved returns the key as the quorum approved it to stand in the vault.
func (p Package) Approved() statement.Target { return p.facts.Pair.Target }

// Blob returns the content of the .byok: what is uploaded, byte for byte. Do
// not change it.
func (p Package) Blob() []byte { return p.blob }

// SHA256 returns the hash of [Package.Blob].
func (p Package) SHA256() fingerprint.Sum { return fingerprint.Of(p.blob) }
