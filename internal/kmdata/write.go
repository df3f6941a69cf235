package kmdata

import (
	"crypto/ecdsa"
	"path/filepath"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/stamp"
	"byok/internal/statement"
)

// Signer signs the SHA-256 of data: ECDSA on P-256, DER.
type Signer interface {
	Sign(data []byte) ([]byte, error)
}

// Session is what a statement says of the session that signs it.
type Session struct {
	Log     statement.LogHead
	Break   *statement.Break
	Above   int // the highest number known from token or paper; the next one is above it
	Program statement.Program
	Present []statement.CardHolder
}

// Next fills in the header of the statement s, which follows c.
func (c *Chain) Next(s statement.Statement, session Session) {
	last := c.Last()
	statement.SetHeader(s, statement.Header{
		Number:    max(last.Number(), session.Above) + 1,
		Previous:  last.Sum,
		HKNSO:     c.HKNSO(),
		Rehearsal: c.Rehearsal(),
		Log:       session.Log,
		Break:     session.Break,
		Program:   session.Program,
		Present:   session.Present,
		Time:      stamp.Now(),
	})
}

// First fills in the header of the world file.
func First(w *statement.World, session Session) {
	statement.SetHeader(w, statement.Header{
		Number:    1,
		HKNSO:     w.Cards.HKNSO,
		Rehearsal: w.Cards.Rehearsal,
		Log:       session.Log,
		Program:   session.Program,
		Present:   session.Present,
		Time:      stamp.Now(),
	})
}

// Append signs the statement s, whose header [Chain.Next] has filled in,
// writes it durably, and takes it into the chain. The signature is on the
// medium before the statement has its name. A card replacement takes the new
// KNSO's signature too; second is nil for every other type.
func (c *Chain) Append(s statement.Statement, knso, second Signer) (Entry, error) {
	h := statement.HeaderOf(s)
	f := file{c.statementPath(s), h.Number, h.Type}
	data, err := statement.Encode(s)
	if err != nil {
		return Entry{}, err
	}
	if err := c.follows(f.path, h); err != nil {
		return Entry{}, err
	}
	if err := c.fits(s); err != nil {
		return Entry{}, exitcode.Errorf(exitcode.Check, "%s: %w", f.path, err)
	}
	signatures, err := c.signatures(f.path, s, knso, second)
	if err != nil {
		return Entry{}, err
	}
	if err := write(f.path, data, signatures...); err != nil {
		return Entry{}, err
	}
	if err := c.read(f); err != nil {
		return Entry{}, err
	}
	return c.Last(), nil
}

// statementPath is the path of a statement's file.
func (c *Chain) statementPath(s statement.Statement) string {
	if _, ok := s.(*statement.World); ok {
		return WorldPath(c.dir)
	}
	return filepath.Join(StatementsDir(c.dir), statement.FileName(s))
}

// signatures lists who signs a statement.
func (c *Chain) signatures(path string, s statement.Statement, knso, second Signer) ([]signature, error) {
	signer, err := c.signer(s)
	if err != nil {
		return nil, err
	}
	list := []signature{{SignaturePath(path), knso, signer}}
	cards, ok := s.(*statement.Cards)
	if !ok {
		return list, nil
	}
	next, err := cards.KNSO.Signer()
	return append(list, signature{SecondPath(path), second, next}), err
}

// Create writes the world file, whose header [First] has filled in, and
// returns the chain that it begins.
func Create(dir string, w *statement.World, knso Signer) (*Chain, error) {
	c := &Chain{dir: dir}
	_, err := c.Append(w, knso, nil)
	return c, err
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
		return exitcode.Errorf(exitcode.Refused, "%s: it would have %d bytes, and at most %d are read",
			path, len(data), MaxFile)
	}
	if err := durable.Folder(filepath.Dir(path), 0o700); err != nil {
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
