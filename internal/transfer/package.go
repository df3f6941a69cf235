// Package transfer reads, verifies and writes transfer packages: the .byok blob
// that the vault takes, the authorization by which a quorum approved it, the
// transferred key's proof of possession, the manifest that ties them together,
// and the statements that certify who signed.
//
// Producers call [Make] and [Package.Write]. Consumers call [ReadPackage] and
// [Package.Verify] with an hknso that a person gave them, and use what the
// [Approved] says. A package cannot vouch for its own origin: where no hknso is
// known, [Package.Inspect] shows which world it claims to come from.
//
// Everything here is public data; no key in clear ever passes through. Do not
// compare key identifiers except with kek.ID.Equal, and public keys except as
// package keykind does.
package transfer

import (
	"errors"
	"io/fs"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/kmdata"
)

// Package is a transfer package: its files, as they were read or will be
// written. Only Verify and Inspect say what they hold.
type Package struct {
	names         FileNames
	blobBytes     []byte
	blob          Blob
	manifest      Manifest
	manifestFile  kmdata.File
	authorization kmdata.File
	world         kmdata.File
	cards         []kmdata.File
	module        kmdata.File
	possession    []byte // nil without one
	attestation   []byte // the HSM's, of the key; nil without one

	certifier *kmdata.Certifier // of the reader
	once      func() verified   // its verification, which is the same each time; nil before the first
}

// hintWhole is for a package of which a file is missing.
const hintWhole = "copy every file of the transfer package, all that begin with its name, into one folder"

// maxForeign is more than a .byok may have, in bytes, so that ParseBlob can
// name a large binary of the legacy toolset as such.
const maxForeign = 1 << 20

// ReadPackage reads the .byok file at path and its companions (see [NamesFor]).
// Nothing is verified. A file that is missing or that cannot be parsed has
// status Usage; an error that is fs.ErrNotExist means a missing one.
//
// Whoever reads many packages of a folder uses one [Reader] for all.
func ReadPackage(path string) (*Package, error) { return new(Reader).Read(path) }

// Read is [ReadPackage].
func (r *Reader) Read(path string) (*Package, error) {
	names, err := NamesFor(path)
	if err != nil {
		return nil, err
	}
	p := &Package{names: names, certifier: &r.certifier}
	// The blob is parsed before a companion is missed: a legacy package has no
	// companions, and is to be named as such.
	if err := p.readBlob(); err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	if err := p.readFiles(r); err != nil {
		err = exitcode.Mark(exitcode.Usage, err)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, exitcode.Hint(err, hintWhole)
		}
		return nil, err
	}
	return p, nil
}

func (p *Package) readBlob() (err error) {
	if p.blobBytes, err = durable.ReadFile(p.names.Blob, maxForeign); err != nil {
		return err
	}
	p.blob, err = ParseBlob(p.names.Blob, p.blobBytes)
	return err
}

func (p *Package) readFiles(r *Reader) (err error) {
	for _, f := range []struct {
		file *kmdata.File
		path string
		max  int
	}{
		{&p.manifestFile, p.names.Manifest, MaxFile},
		{&p.authorization, p.names.Authorization, kmdata.MaxFile},
		{&p.world, p.names.World, kmdata.MaxFile},
		{&p.module, p.names.Module, kmdata.MaxFile},
	} {
		if *f.file, err = readSigned(f.path, f.max); err != nil {
			return err
		}
	}
	if p.manifest, err = ParseManifest(p.names.Manifest, p.manifestFile.Data); err != nil {
		return err
	}
	if err := p.readCards(r); err != nil {
		return err
	}
	if p.attestation, err = optional(p.names.HSM, kmdata.MaxHSMAttestation); err != nil {
		return err
	}
	p.possession, err = optional(p.names.Possession, kmdata.MaxSignature)
	return err
}

// optional reads a file of at most limit bytes, nil for none: whether there must
// be one is for Verify.
func optional(path string, limit int) ([]byte, error) {
	data, err := durable.ReadFile(path, limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// readSigned reads a file of at most max bytes and its signature.
func readSigned(path string, limit int) (kmdata.File, error) {
	data, err := durable.ReadFile(path, limit)
	if err != nil {
		return kmdata.File{}, err
	}
	sig, err := durable.ReadFile(kmdata.SignaturePath(path), kmdata.MaxSignature)
	return kmdata.File{Path: path, Data: data, Signature: sig}, err
}

// readCards reads every card replacement that is there.
func (p *Package) readCards(r *Reader) error {
	sets, err := r.cardSets(p.names)
	if err != nil {
		return err
	}
	for _, set := range sets {
		f, err := readSigned(p.names.Cards(set), kmdata.MaxFile)
		if err != nil {
			return err
		}
		if f.Second, err = durable.ReadFile(kmdata.SecondPath(f.Path), kmdata.MaxSignature); err != nil {
			return err
		}
		p.cards = append(p.cards, f)
	}
	return nil
}
