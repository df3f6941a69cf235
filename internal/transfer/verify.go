package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsmattest"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/strictjson"
)

// Facts are what a transfer package says, once all of its signatures were
// checked.
type Facts struct {
	Label     string            // of the world
	Rehearsal bool              //
	First     fingerprint.Sum   // hknso of the world's first card set
	Current   fingerprint.Sum   // hknso of the card set that signed the authorization
	Module    *statement.Module // whose KML signed the manifest
	Guard     statement.Guard   // how the quorum guards export on that module

	Authorization *statement.Authorization
	Sum           fingerprint.Sum // SHA-256 of the authorization's bytes
	Pair          statement.Pair  // key, origin, KEK and target that the quorum approved
	Manifest      Manifest
}

// NotCompared is what has to be said of the facts of [Package.Inspect].
const NotCompared = "not compared with a known hknso: the world could be anyone's"

// Approved is a package that a quorum of a known world approved. Only
// [Package.Verify] makes one that is not empty.
type Approved struct {
	facts Facts
	blob  []byte
}

// Facts returns what was approved.
func (a Approved) Facts() Facts { return a.facts }

// Blob returns the .byok file that was verified: what is uploaded, byte for
// byte. It is nil in an empty Approved.
func (a Approved) Blob() []byte { return bytes.Clone(a.blob) }

// Verify checks the whole package under hknso, which must come from a person
// and never from the package: that of a card set of the world, from which card
// replacements lead to the set that signed the authorization.
//
// Each statement must be signed by the KNSO in force, the manifest by the KML
// that the module's statement certifies, and the authorization's SHA-256, as a
// proof of possession, by the transferred key; the wrapped key must be the one
// that was approved, for its KEK, under its name. The first fault is the
// error, with status Check; it names the file.
func (p *Package) Verify(hknso fingerprint.Sum) (Approved, error) {
	cert, facts, err := p.verify()
	if err != nil {
		return Approved{}, err
	}
	if err := cert.Under(hknso); err != nil {
		return Approved{}, err
	}
	return Approved{facts, bytes.Clone(p.blobBytes)}, nil
}

// Inspect checks the whole package as [Package.Verify] does, but under the
// hknso that it contains. The facts are then consistent, but anybody may have
// made them: show [NotCompared] with them.
func (p *Package) Inspect() (Facts, error) {
	_, facts, err := p.verify()
	return facts, err
}

// verified is what verifying a package came to.
type verified struct {
	cert  *kmdata.Certificate
	facts Facts
	err   error
}

// verify verifies the package the first time, and has the same answer from then
// on: its bytes do not change once they are read.
func (p *Package) verify() (*kmdata.Certificate, Facts, error) {
	if p.once == nil {
		p.once = sync.OnceValue(func() verified {
			cert, facts, err := p.verifyAll()
			return verified{cert, facts, err}
		})
	}
	v := p.once()
	return v.cert, v.facts, v.err
}

func (p *Package) verifyAll() (*kmdata.Certificate, Facts, error) {
	cert, err := p.certifier.Certify(p.world, p.cards, p.module, p.authorization)
	if err != nil {
		return nil, Facts{}, err
	}
	entry, a := cert.Authorization()
	f := Facts{
		Label:         cert.World().Label,
		Rehearsal:     cert.World().Rehearsal,
		First:         cert.First(),
		Current:       cert.Current(),
		Module:        cert.Module(),
		Guard:         cert.Module().Guard,
		Authorization: a,
		Sum:           entry.Sum,
		Manifest:      p.manifest,
	}
	if err := p.checkManifest(f); err != nil {
		return nil, Facts{}, faulty(p.names.Manifest, err)
	}
	f.Pair = a.Pairs[p.manifest.Authorization.Pair]
	if err := p.checkTarget(f.Pair); err != nil {
		return nil, Facts{}, faulty(p.names.Manifest, err)
	}
	if err := p.checkBlob(f.Pair); err != nil {
		return nil, Facts{}, faulty(p.names.Blob, err)
	}
	if err := p.checkPossession(f); err != nil {
		return nil, Facts{}, faulty(p.names.Possession, err)
	}
	if err := p.checkHSM(f); err != nil {
		return nil, Facts{}, faulty(p.names.HSM, err)
	}
	return cert, f, nil
}

func faulty(path string, err error) error {
	return exitcode.Errorf(exitcode.Check, "%s: %w", path, err)
}

// checkManifest checks the manifest against the KML that signed it and the
// authorization.
func (p *Package) checkManifest(f Facts) error {
	kml, err := f.Module.Signer()
	if err != nil {
		return err
	}
	if err := keykind.VerifySignature(kml, p.manifestFile.Data, p.manifestFile.Signature); err != nil {
		return fmt.Errorf("the signature %s is not of this content by the KML that %s certifies",
			filepath.Base(kmdata.SignaturePath(p.names.Manifest)), filepath.Base(p.names.Module))
	}
	authorization := filepath.Base(p.names.Authorization)
	switch m := p.manifest; {
	case m.Authorization.SHA256 != f.Sum:
		return fmt.Errorf("field authorization.sha256: %s has another SHA-256", authorization)
	case m.Authorization.Number != f.Authorization.Number:
		return fmt.Errorf("field authorization.number: %s has the number %d", authorization, f.Authorization.Number)
	case m.Authorization.Pair >= len(f.Authorization.Pairs):
		return fmt.Errorf("field authorization.pair: %s has only %d", authorization, len(f.Authorization.Pairs))
	case m.Module != f.Authorization.Module:
		return fmt.Errorf("field module: %s is for the module %s", authorization, f.Authorization.Module)
	case m.Rehearsal != f.Rehearsal:
		return fmt.Errorf("field rehearsal: %s says %t", authorization, f.Rehearsal)
	}
	return nil
}

// checkTarget compares the manifest with the pair that it names.
func (p *Package) checkTarget(pair statement.Pair) error {
	if p.manifest.Name != pair.Target.Name {
		return fmt.Errorf("field name: the approved name is %s", pair.Target.Name)
	}
	return nil
}

// checkBlob compares the .byok file with the manifest and with what was approved.
func (p *Package) checkBlob(pair statement.Pair) error {
	if is := fingerprint.Of(p.blobBytes); is != p.manifest.Blob.SHA256 {
		if fingerprint.Of(bytes.ReplaceAll(p.blobBytes, []byte("\r\n"), []byte("\n"))) == p.manifest.Blob.SHA256 {
			return strictjson.CheckLines(p.blobBytes)
		}
		return fmt.Errorf("its SHA-256 is %s, the manifest says %s", is, p.manifest.Blob.SHA256)
	}
	if fingerprint.Of(p.blob.Ciphertext) != pair.Wrapped {
		return errors.New("the wrapped key is not the one that was approved")
	}
	if !p.blob.KEK.Equal(pair.KEK.KID) {
		return fmt.Errorf("it is for the KEK %s, but %s was approved", p.blob.KEK, pair.KEK.KID)
	}
	if err := p.blob.CheckSize(pair.KEK.Bits); err != nil {
		return err
	}
	return p.checkWrapped(pair)
}

// checkWrapped compares the length of the wrapped key with the key's size: raw
// bytes give an exact length, PKCS#8 varies but holds more than the key's bits.
func (p *Package) checkWrapped(pair statement.Pair) error {
	wrapped := len(p.blob.Ciphertext) - pair.KEK.Bits/8
	raw := 8 + (pair.Bits+7)/8
	switch {
	case pair.Secret() && wrapped != raw:
		return fmt.Errorf("%d bytes of wrapped key: %v has %d", wrapped, pair.Identity, raw)
	case !pair.Secret() && wrapped <= raw:
		return fmt.Errorf("%d bytes of wrapped key: %v has more than %d", wrapped, pair.Identity, raw)
	}
	return nil
}

// checkPossession checks that the transferred key signed the authorization.
func (p *Package) checkPossession(f Facts) error {
	switch {
	case f.Pair.Secret() && p.possession != nil:
		return errors.New("an AES key cannot sign, so this file must not exist")
	case f.Pair.Secret():
		return nil
	case p.possession == nil:
		return errors.New("it is missing: the transferred key must have signed the authorization")
	}
	text := keykind.PossessionText(keykind.PurposeTransfer, f.Sum)
	if keykind.VerifyPossession(f.Pair.Public(), text, p.possession) != nil {
		return fmt.Errorf("it is not the signature of the approved key over the SHA-256 of %s",
			filepath.Base(p.names.Authorization))
	}
	return nil
}

// checkHSM judges again what the HSM's vendor attests of the key, as of the time
// when the quorum approved it.
func (p *Package) checkHSM(f Facts) error {
	switch {
	case f.Pair.HSM == nil && p.attestation != nil:
		return errors.New("the quorum approved the key without an attestation, so this file must not exist")
	case f.Pair.HSM == nil:
		return nil
	case p.attestation == nil:
		return errors.New("it is missing: the quorum approved the key with it")
	}
	_, err := hsmattest.Again(p.attestation, f.Pair, f.Module, f.Authorization.Time)
	return err
}
