package kmdata

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/strictjson"
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
	if err := c.readWorld(); err != nil {
		return nil, err
	}
	files, err := statementFiles(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := c.read(f); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Exists reports whether dir holds a world file.
func Exists(dir string) bool {
	_, err := os.Lstat(WorldPath(dir))
	return err == nil
}

func (c *Chain) readWorld() error {
	path := WorldPath(c.dir)
	data, err := durable.ReadFile(path, MaxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return exitcode.Errorf(exitcode.Usage, "%s: there is no security world", path).
			Hint("byok-offline world create, or name its folder with --kmdata")
	}
	if err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	statement, err := parse(path, TypeWorld, data)
	if err != nil {
		return err
	}
	signer, err := statement.(*World).KNSO.Signer()
	if err != nil {
		return exitcode.Errorf(exitcode.Check, "%s: %w", path, err)
	}
	return c.add(path, data, statement, signer)
}

// file is a statement's file by its name.
type file struct {
	path   string
	number int
	kind   string
}

var fileName = regexp.MustCompile(`^(\d{6})-([a-z]+)\.json$`)

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
		parts := fileName.FindStringSubmatch(e.Name())
		if parts == nil {
			return nil, exitcode.Errorf(exitcode.Check, "%s: it is not named like a statement", path)
		}
		number, _ := strconv.Atoi(parts[1]) // six digits
		if n := len(files); n > 0 && files[n-1].number == number {
			return nil, fork(files[n-1].path, path, number)
		}
		files = append(files, file{path, number, parts[2]})
	}
	return files, nil // os.ReadDir sorts by name
}

func fork(a, b string, number int) error {
	return exitcode.Errorf(exitcode.Check, "two statements have the number %d: %s and %s: a fork", number, filepath.Base(a), filepath.Base(b)).
		Hint("keep both copies for the auditor, and find out which of them the card holders wrote down")
}

// read takes the next statement.
func (c *Chain) read(f file) error {
	data, err := durable.ReadFile(f.path, MaxFile)
	if err != nil {
		return err
	}
	want := typeNamed(f.kind)
	if want == "" || want == TypeWorld {
		return exitcode.Errorf(exitcode.Check, "%s: it is not named like a statement", f.path)
	}
	statement, err := parse(f.path, want, data)
	if err != nil {
		return err
	}
	h := statement.header()
	if h.Number != f.number {
		return exitcode.Errorf(exitcode.Check, "%s: it says that it is statement %d: the file was renamed", f.path, h.Number)
	}
	if err := c.follows(f.path, h); err != nil {
		return err
	}
	signer, err := c.signer()
	if err != nil {
		return exitcode.Errorf(exitcode.Check, "%s: %w", f.path, err)
	}
	return c.add(f.path, data, statement, signer)
}

func typeNamed(name string) string {
	for id, k := range kinds() {
		if k.name == name {
			return id
		}
	}
	return ""
}

// follows holds a statement to the one before it. Only a break may leave out
// numbers: those of statements that the people know to be lost.
func (c *Chain) follows(path string, h *Header) error {
	last := c.Last()
	gap := h.Number - last.Number()
	switch {
	case gap < 1:
		return exitcode.Errorf(exitcode.Check, "%s: statement %d is there already", path, h.Number)
	case gap > 1 && h.Break == nil:
		return exitcode.Errorf(exitcode.Check, "%s: statement %d is missing before it", path, last.Number()+1).
			Hint("restore %s from a copy of kmdata", StatementsDir(c.dir))
	case h.Previous != last.Sum:
		return exitcode.Errorf(exitcode.Check, "%s: it does not follow statement %d: one of them was altered or is of another copy", path, last.Number())
	case h.HKNSO != c.HKNSO():
		return exitcode.Errorf(exitcode.Check, "%s: it was signed for hknso %.8s, and %.8s is in force", path, h.HKNSO, c.HKNSO())
	case h.Rehearsal != c.Rehearsal():
		return exitcode.Errorf(exitcode.Check, "%s: its rehearsal mark is not the world's", path)
	}
	return nil
}

// add verifies the signatures of a statement and takes it.
func (c *Chain) add(path string, data []byte, statement Statement, signer *ecdsa.PublicKey) error {
	sig, err := verifyFile(signer, path, SignaturePath(path), data)
	if err != nil {
		return err
	}
	e := Entry{Path: path, Statement: statement, Data: data, Signature: sig, Sum: fingerprint.Of(data)}
	if cards, ok := statement.(*Cards); ok {
		if e.Second, err = c.verifySecond(path, cards, data); err != nil {
			return err
		}
	}
	if err := c.fits(statement); err != nil {
		return exitcode.Errorf(exitcode.Check, "%s: %w", path, err)
	}
	c.entries = append(c.entries, e)
	return nil
}

// verifySecond checks the new KNSO's signature over a card replacement.
func (c *Chain) verifySecond(path string, cards *Cards, data []byte) ([]byte, error) {
	next, err := cards.KNSO.Signer()
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Check, "%s: %w", path, err)
	}
	return verifyFile(next, path, secondPath(path), data)
}

// secondPath is the path of the new KNSO's signature over a card replacement.
func secondPath(path string) string { return path[:len(path)-len(".json")] + ".new.sig" }

// fits holds a statement to those before it.
func (c *Chain) fits(s Statement) error {
	if s.header().Number == 1 {
		return nil
	}
	set := c.Set()
	for _, p := range s.header().Present {
		if p.Index > set.Cards.Quorum.N || set.Cards.Holders[p.Index-1] != p.Holder {
			return fmt.Errorf("field present: %v is not in the card set in force", p)
		}
	}
	switch s := s.(type) {
	case *Cards:
		if s.Cards.Number != set.Cards.Number+1 {
			return fmt.Errorf("field cards.number: %d is expected", set.Cards.Number+1)
		}
	case *Module:
		if s.StruckOff == "" && s.CardSet != set.Cards.Number {
			return fmt.Errorf("field card_set: %d is expected", set.Cards.Number)
		}
	case *Authorization:
		return c.fitsModule(s)
	}
	return nil
}

// fitsModule holds an authorization to the module that it names.
func (c *Chain) fitsModule(a *Authorization) error {
	m, err := c.Module(a.Module)
	if err != nil {
		return err
	}
	sum, err := m.KMLHash()
	switch {
	case err != nil:
		return err
	case sum != a.KML:
		return errors.New("field kml_sha256 is not that of the module's KML")
	case a.Guard != m.Guard:
		return fmt.Errorf("field guard: the module's is %s", m.Guard)
	}
	return nil
}

// parse decodes a statement of the given type: type and version first, then
// the rest, which must be spelled as this program writes it.
func parse(path, want string, data []byte) (Statement, error) {
	k := kinds()[want]
	if err := strictjson.Expect(path, data, MaxFile, want, k.version); err != nil {
		return nil, exitcode.Mark(exitcode.Check, err)
	}
	s := k.fresh()
	if err := strictjson.Exact(path, data, MaxFile, s); err != nil {
		return nil, exitcode.Mark(exitcode.Check, err)
	}
	if err := s.check(); err != nil {
		return nil, exitcode.Errorf(exitcode.Check, "%s: %w", path, err)
	}
	return s, nil
}

// Parse decodes the statement in data, of whatever type, without verifying
// a signature. Name is for messages.
func Parse(name string, data []byte) (Statement, error) {
	for id, k := range kinds() {
		if strictjson.Expect(name, data, MaxFile, id, k.version) == nil {
			return parse(name, id, data)
		}
	}
	return nil, exitcode.Errorf(exitcode.Usage, "%s: it is not a statement that this release reads", name)
}

// verifyFile reads the signature at sigPath and checks it over data, the
// content of the file at path.
func verifyFile(signer *ecdsa.PublicKey, path, sigPath string, data []byte) ([]byte, error) {
	sig, err := durable.ReadFile(sigPath, maxSignature)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exitcode.Errorf(exitcode.Check, "%s: its signature %s is missing", path, filepath.Base(sigPath))
	}
	if err != nil {
		return nil, err
	}
	if err := keykind.VerifySignature(signer, data, sig); err != nil {
		return nil, exitcode.Errorf(exitcode.Check, "%s: the signature %s is not of this content: the file was altered", path, filepath.Base(sigPath))
	}
	return sig, nil
}

// maxSignature is room for an ECDSA signature in DER (RFC 3279, section 2.2.3).
const maxSignature = 256

// sortedNames lists the files of a folder whose names have a prefix and no
// extension, in the order of their names.
func sortedNames(dir, prefix string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if len(e.Name()) > len(prefix) && e.Name()[:len(prefix)] == prefix && filepath.Ext(e.Name()) == "" {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}
