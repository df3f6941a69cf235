package kmdata

import (
	"crypto/ecdsa"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/stamp"
	"byok/internal/strictjson"
)

// Signer signs the SHA-256 of data: ECDSA on P-256, DER.
type Signer interface {
	Sign(data []byte) ([]byte, error)
}

// Session is what a statement says of the session that signs it.
type Session struct {
	Log     LogHead
	Break   *Break
	Above   int // the highest number known from token or paper; the next one is above it
	Program Program
	Present []CardHolder
}

// Next fills in the header of the statement s, which follows c.
func (c *Chain) Next(s Statement, session Session) {
	h := s.header()
	last := c.Last()
	*h = Header{
		Type: typeOf(s), Version: 1,
		Number:    max(last.Number(), session.Above) + 1,
		Previous:  last.Sum,
		HKNSO:     c.HKNSO(),
		Rehearsal: c.Rehearsal(),
		Log:       session.Log,
		Break:     session.Break,
		Program:   session.Program,
		Present:   session.Present,
		Time:      stamp.Now(),
	}
}

// First fills in the header of the world file.
func First(w *World, session Session) {
	w.Header = Header{
		Type: TypeWorld, Version: 1, Number: 1,
		HKNSO: w.Cards.HKNSO, Rehearsal: w.Cards.Rehearsal,
		Log: session.Log, Program: session.Program, Present: session.Present,
		Time: stamp.Now(),
	}
}

func typeOf(s Statement) string {
	switch s.(type) {
	case *World:
		return TypeWorld
	case *Module:
		return TypeModule
	case *Cards:
		return TypeCards
	case *Origin:
		return TypeOrigin
	case *Authorization:
		return TypeAuthorization
	}
	return TypeSeal
}

// Encode gives the bytes of a statement that are signed; their SHA-256 is
// known before. What a reader would refuse is an error.
func Encode(s Statement) ([]byte, error) {
	data, err := strictjson.Marshal(s)
	if err != nil {
		return nil, err
	}
	path := kinds()[typeOf(s)].name
	_, err = parse(path, typeOf(s), data)
	return data, err
}

// Append signs the statement s, whose header [Chain.Next] has filled in,
// writes it durably, and takes it into the chain. The signature is on the
// medium before the statement has its name. A card replacement takes the new
// KNSO's signature too; second is nil for every other type.
func (c *Chain) Append(s Statement, knso, second Signer) (Entry, error) {
	signer, err := c.signer()
	if err != nil {
		return Entry{}, err
	}
	path := filepath.Join(StatementsDir(c.dir), fmt.Sprintf("%06d-%s.json", s.header().Number, kinds()[typeOf(s)].name))
	signatures := []signature{{SignaturePath(path), knso, signer}}
	if cards, ok := s.(*Cards); ok {
		next, err := cards.KNSO.Signer()
		if err != nil {
			return Entry{}, err
		}
		signatures = append(signatures, signature{secondPath(path), second, next})
	}
	data, err := Encode(s)
	if err != nil {
		return Entry{}, err
	}
	if err := c.follows(path, s.header()); err != nil {
		return Entry{}, err
	}
	if err := c.fits(s); err != nil {
		return Entry{}, err
	}
	if err := write(path, data, signatures...); err != nil {
		return Entry{}, err
	}
	if err := c.add(path, data, s, signer); err != nil {
		return Entry{}, err
	}
	return c.Last(), nil
}

// Create writes the world file and returns the chain that it begins.
func Create(dir string, w *World, knso Signer) (*Chain, error) {
	data, err := Encode(w)
	if err != nil {
		return nil, err
	}
	signer, err := w.KNSO.Signer()
	if err != nil {
		return nil, err
	}
	path := WorldPath(dir)
	if err := write(path, data, signature{SignaturePath(path), knso, signer}); err != nil {
		return nil, err
	}
	return Open(dir)
}

// signature is one signature of a file: where, by whom, verified with what.
type signature struct {
	path   string
	signer Signer
	public *ecdsa.PublicKey
}

// write signs data, verifies every signature, and gives the files their names.
func write(path string, data []byte, signatures ...signature) error {
	if len(data) > MaxFile {
		return exitcode.Errorf(exitcode.Refused, "%s: it would have %d bytes, and at most %d are read", path, len(data), MaxFile)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	set := durable.NewSet()
	defer set.Discard()
	head, err := set.Create(path, 0o600)
	if err != nil {
		return err
	}
	for _, s := range signatures {
		if err := s.add(set, path, data); err != nil {
			return err
		}
	}
	if _, err := head.Write(data); err != nil {
		return err
	}
	return set.Commit()
}

func (s signature) add(set *durable.Set, path string, data []byte) error {
	sig, err := s.signer.Sign(data)
	if err != nil {
		return err
	}
	if err := keykind.VerifySignature(s.public, data, sig); err != nil {
		return exitcode.Errorf(exitcode.Failed, "%s: the new signature does not verify: %w", path, err)
	}
	f, err := set.Create(s.path, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(sig)
	return err
}

// NewSigned fills in what every file of a module carries.
func (c *Chain) NewSigned(kind, module string) Signed {
	return Signed{
		Type: kind, Version: signedVersion, World: c.FirstHKNSO(), Rehearsal: c.Rehearsal(),
		Module: module, Created: stamp.Now(),
	}
}

// WriteKey signs a key file with the module's KML and writes it; existing
// files are never overwritten.
func (c *Chain) WriteKey(k *Key, kml Signer) error {
	if err := k.check(); err != nil {
		return err
	}
	return c.writeSigned(c.path(k.Name()), k.Module, k, kml)
}

// ReplaceKey is [Chain.WriteKey] for a key file that may exist: its backup
// was made again, or its key frozen. The earlier file is kept beside it, under
// a name that ends with the time it was written.
func (c *Chain) ReplaceKey(k *Key, kml Signer) error {
	path := c.path(k.Name())
	old, err := c.readKey(path)
	if err != nil {
		return err
	}
	if err := putAside(path, old.Created); err != nil {
		return err
	}
	return c.WriteKey(k, kml)
}

// WriteRetired signs and writes the record that a key was destroyed.
func (c *Chain) WriteRetired(r *Retired, kml Signer) error {
	return c.writeSigned(c.RetiredPath(r.Ident), r.Module, r, kml)
}

// Unretire puts the record of a destroyed key aside: the key was restored.
func (c *Chain) Unretire(ident string) error {
	r, err := c.Retired(ident)
	if err != nil || r == nil {
		return err
	}
	return putAside(c.RetiredPath(ident), r.Created)
}

func (c *Chain) writeSigned(path, module string, v any, kml Signer) error {
	public, err := c.kml(module)
	if err != nil {
		return err
	}
	data, err := strictjson.Marshal(v)
	if err != nil {
		return err
	}
	return write(path, data, signature{SignaturePath(path), kml, public})
}

// putAside gives a file and its signature a new name, path.when, to make room
// for a newer one. The signature's copy comes first, so that at every point a
// file under either name has its signature beside it.
func putAside(path string, when time.Time) error {
	aside := path + "." + when.Format(timeSuffix)
	for ; exists(aside); aside = path + "." + when.Format(timeSuffix) {
		when = when.Add(time.Second)
	}
	sig, err := durable.ReadFile(SignaturePath(path), maxSignature)
	if err != nil {
		return err
	}
	if !exists(aside + ".sig") {
		if err := durable.WriteFile(aside+".sig", sig, 0o600); err != nil {
			return err
		}
	}
	if err := durable.Rename(path, aside); err != nil {
		return err
	}
	return durable.Remove(SignaturePath(path))
}

// timeSuffix is how the name of a file that was put aside ends.
const timeSuffix = "20060102T150405Z"

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// PossessionText is what a customer's key signs, and nothing else: a fixed
// first line, the purpose, and 64 hex digits of a SHA-256.
func PossessionText(purpose string, sum fingerprint.Sum) []byte {
	return fmt.Appendf(nil, "byok proof of possession v1\n%s\n%s\n", purpose, sum)
}

// Purposes of a proof of possession.
const (
	PurposeTransfer  = "transfer authorization" // the sum is the authorization's
	PurposeChallenge = "challenge"              // the sum is the challenge file's
)
