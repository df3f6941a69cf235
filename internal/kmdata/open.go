package kmdata

import (
	"crypto/ecdsa"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/statement"
)

// Open reads and verifies every statement of the kmdata folder dir. What it
// proves is relative to the world's own hknso: compare that with the cards',
// or with what was written down when the world was created.
//
// A folder without a world has status Usage. A statement that is missing,
// altered, doubled or of another world has status Check, and the error names
// its file.
func Open(dir string) (*Chain, error) {
	c := &Chain{dir: dir}
	if !Exists(dir) {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: there is no security world", WorldPath(dir)).
			Hint("byok-offline world create, or name its folder with --kmdata")
	}
	files, err := statementFiles(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range slices.Insert(files, 0, file{WorldPath(dir), 1, statement.TypeWorld}) {
		if err := c.read(f); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Exists reports whether dir holds a world file.
func Exists(dir string) bool { return exists(WorldPath(dir)) }

// file is a statement's file by its name.
type file struct {
	path   string
	number int
	kind   string // type of statement
}

// statementFiles lists the statement files in the order of their numbers. Two
// of one number are a fork: a quorum signed from two copies of kmdata, or
// somebody mixed two.
func statementFiles(dir string) ([]file, error) {
	names, err := os.ReadDir(StatementsDir(dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var files []file
	for _, e := range names {
		path := filepath.Join(StatementsDir(dir), e.Name())
		if filepath.Ext(path) != ".json" {
			continue // signatures, and what an interrupted run left
		}
		f, err := named(path)
		if err != nil {
			return nil, err
		}
		if n := len(files); n > 0 && files[n-1].number == f.number {
			return nil, fork(files[n-1].path, path, f.number)
		}
		files = append(files, f)
	}
	return files, nil // os.ReadDir sorts by name
}

// named reads a statement's number and type from the name of its file.
func named(path string) (file, error) {
	number, typ, ok := statement.ParseFileName(filepath.Base(path))
	if !ok {
		return file{}, exitcode.Errorf(exitcode.Check, "%s: it is not named like a statement", path)
	}
	return file{path, number, typ}, nil
}

func fork(a, b string, number int) error {
	return exitcode.Errorf(exitcode.Check, "two statements have the number %d: %s and %s: a fork",
		number, a, filepath.Base(b)).
		Hint("keep both copies for the auditor, and find out which of them the card holders wrote down")
}

// read takes the next statement from its file.
func (c *Chain) read(from file) error {
	data, err := durable.ReadFile(from.path, MaxFile)
	if err != nil {
		return exitcode.Mark(exitcode.Check, err)
	}
	s, err := statement.ParseAs(from.path, from.kind, data)
	if err != nil {
		return err
	}
	if n := statement.HeaderOf(s).Number; n != from.number {
		return exitcode.Errorf(exitcode.Check, "%s: it says that it is statement %d: the file was renamed", from.path, n)
	}
	f := File{Path: from.path, Data: data}
	if f.Signature, err = readSignature(f.Path, SignaturePath(f.Path)); err != nil {
		return err
	}
	if from.kind == statement.TypeCards {
		if f.Second, err = readSignature(f.Path, SecondPath(f.Path)); err != nil {
			return err
		}
	}
	return c.take(f, s)
}

// readSignature reads the signature at sigPath of the file at path.
func readSignature(path, sigPath string) ([]byte, error) {
	sig, err := durable.ReadFile(sigPath, MaxSignature)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exitcode.Errorf(exitcode.Check, "%s: its signature %s is missing", path, filepath.Base(sigPath))
	}
	return sig, exitcode.Mark(exitcode.Check, err)
}

// File is a statement as it was read: its bytes and its signatures.
type File struct {
	Path      string // for messages
	Data      []byte
	Signature []byte // by the KNSO in force
	Second    []byte // of a card replacement: by the KNSO that comes into force
}

// take verifies a statement, which f holds, and adds it to the chain.
func (c *Chain) take(f File, s statement.Statement) error {
	if err := c.follows(f.Path, statement.HeaderOf(s)); err != nil {
		return err
	}
	if err := c.verify(f, s); err != nil {
		return err
	}
	if err := c.fits(s); err != nil {
		return exitcode.Errorf(exitcode.Check, "%s: %w", f.Path, err)
	}
	c.add(Entry{File: f, Statement: s, Sum: fingerprint.Of(f.Data)})
	return nil
}

// verify checks a statement's signature, and both of a card replacement.
func (c *Chain) verify(f File, s statement.Statement) error {
	signer, err := c.signer(s)
	if err != nil {
		return exitcode.Errorf(exitcode.Check, "%s: %w", f.Path, err)
	}
	if err := verify(signer, f.Path, SignaturePath(f.Path), f.Data, f.Signature); err != nil {
		return err
	}
	cards, ok := s.(*statement.Cards)
	if !ok {
		return nil
	}
	next, err := cards.KNSO.Signer()
	if err != nil {
		return exitcode.Errorf(exitcode.Check, "%s: %w", f.Path, err)
	}
	return verify(next, f.Path, SecondPath(f.Path), f.Data, f.Second)
}

// verify checks the signature, read from sigPath, over data, the content of
// the file at path.
func verify(signer *ecdsa.PublicKey, path, sigPath string, data, sig []byte) error {
	if err := keykind.VerifySignature(signer, data, sig); err != nil {
		return exitcode.Errorf(exitcode.Check,
			"%s: the signature %s is not of this content: the file was altered, or another key signed it",
			path, filepath.Base(sigPath))
	}
	return nil
}

// MaxSignature is the most bytes that a signature file may have: enough for
// RSA-4096, and for ECDSA in DER (RFC 3279, section 2.2.3).
const MaxSignature = 512
