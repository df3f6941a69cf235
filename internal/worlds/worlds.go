// Package worlds remembers, on the connected workstation, which security
// worlds a person has vouched for: each by its label and the hknso that the
// person typed, from the paper that "byok-offline world create" printed.
//
// Everything that a transfer package says rests on its world's hknso, so the
// hknso never comes from a package alone. Verify the package under the hknso
// that it names, take a [Claim] from it, and hand that to [Keeper.Trust]: it
// accepts a claim only if its hknso is known, or if a person names it.
//
// Do not show a claim's hknso before it was typed: people would type what they
// read. Do not edit worlds.json in a program; [Store.Add] is the only writer.
package worlds

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"byok/internal/access"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/printable"
	"byok/internal/stamp"
	"byok/internal/strictjson"
)

// FileName is the file of known worlds in the configuration folder.
const FileName = "worlds.json"

const (
	fileType    = "byok-worlds"
	fileVersion = 1
	maxFile     = 1 << 20 // bytes; a world takes about 300
	maxText     = 255     // bytes of a label or of a person's name
)

// World is a known world. Its hknso changes whenever its cards are replaced.
type World struct {
	Label string          `json:"label"` // as the world file has it; "" where a package carried none
	First fingerprint.Sum `json:"first"` // the hknso before any replacement of cards: the world's identity
	HKNSO []Entry         `json:"hknso"` // those that a person vouched for, oldest first; the last is in force
}

// Entry is an hknso, the SHA-256 of KNSO's SubjectPublicKeyInfo, and who
// vouched for it when.
type Entry struct {
	SHA256 fingerprint.Sum `json:"sha256"`
	By     string          `json:"by"`
	At     time.Time       `json:"at"` // UTC, whole seconds
}

// Current returns the hknso in force.
func (w World) Current() Entry { return w.HKNSO[len(w.HKNSO)-1] }

// String names the world for people.
func (w World) String() string {
	if w.Label == "" {
		return "world " + w.First.String()[:8]
	}
	return fmt.Sprintf("world %q", w.Label)
}

// sums lists every hknso that the world has had, as far as is known.
func (w World) sums() []fingerprint.Sum {
	var all []fingerprint.Sum
	if len(w.HKNSO) == 0 || w.HKNSO[0].SHA256 != w.First {
		all = append(all, w.First)
	}
	for _, e := range w.HKNSO {
		all = append(all, e.SHA256)
	}
	return all
}

func (w World) has(sum fingerprint.Sum) bool { return slices.Contains(w.sums(), sum) }

// Claim is what a package says of its world, once the package was verified
// under Current.
type Claim struct {
	Label   string
	First   fingerprint.Sum // the hknso before any card replacement that the package proves; Current without one
	Current fingerprint.Sum // the hknso that the package was verified under
}

// ErrUnknown means that no person has vouched for a world yet. Test with
// errors.Is; [Keeper.Trust] asks for it.
var ErrUnknown = errors.New("the world is not known on this workstation")

// Store is the file of known worlds.
type Store struct{ path string }

// NewStore returns the store in the configuration folder dir, which is made
// when the first world is added. The usual folder is [DefaultDir].
func NewStore(dir string) *Store { return &Store{filepath.Join(dir, FileName)} }

// DefaultDir returns byok in the user's configuration folder
// ([os.UserConfigDir]). Status Usage where there is none.
func DefaultDir() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", exitcode.Errorf(exitcode.Usage, "no configuration folder for this user: %w", err).Hint("--config DIR")
	}
	return filepath.Join(dir, "byok"), nil
}

// Path returns the path of the file.
func (s *Store) Path() string { return s.path }

// worldsFile is the content of worlds.json.
type worldsFile struct {
	Type    string  `json:"type"`
	Version int     `json:"version"`
	Worlds  []World `json:"worlds"`
}

// List returns the known worlds in the order they were added; none where the
// file does not exist yet. A file that others may write is Refused, one that is damaged
// has status Check.
func (s *Store) List() ([]World, error) {
	data, err := s.read()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var file worldsFile
	if err := strictjson.Expect(s.path, data, maxFile, fileType, fileVersion); err != nil {
		return nil, exitcode.Mark(exitcode.Check, err)
	}
	if err := strictjson.Exact(s.path, data, maxFile, &file); err != nil {
		return nil, exitcode.Mark(exitcode.Check, err)
	}
	if err := check(file.Worlds); err != nil {
		return nil, exitcode.Errorf(exitcode.Check, "%s: %w", s.path, err)
	}
	return file.Worlds, nil
}

// read returns the content of the file. The error is fs.ErrNotExist where there
// is none.
func (s *Store) read() ([]byte, error) {
	f, err := durable.OpenUpTo(s.path, maxFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := private(f); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// private refuses a file that others than its owner could change.
func private(f *os.File) error {
	who, err := access.Others(f, access.Change)
	if err != nil {
		return exitcode.Errorf(exitcode.Failed, "%s: %w", f.Name(), durable.Cause(err))
	}
	if who == "" {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "%s: others may change it (%s), so it proves nothing", f.Name(), who).
		Hint("%s, then compare each hknso in it with the paper record", access.Cure(f))
}

// check holds the rules that the form of the JSON does not.
func check(all []World) error {
	var seen []fingerprint.Sum
	for i, w := range all {
		if w.Label != "" {
			if err := printable.Check(w.Label, maxText); err != nil {
				return fmt.Errorf("world %d: field label: %w", i+1, err)
			}
		}
		if w.First.IsZero() || len(w.HKNSO) == 0 {
			return fmt.Errorf("world %d: fields first and hknso are needed", i+1)
		}
		for _, e := range w.HKNSO {
			if err := e.check(); err != nil {
				return fmt.Errorf("world %d: %w", i+1, err)
			}
		}
		for _, sum := range w.sums() {
			if slices.Contains(seen, sum) {
				return fmt.Errorf("world %d: hknso %s appears twice", i+1, sum)
			}
			seen = append(seen, sum)
		}
	}
	return nil
}

func (e Entry) check() error {
	if e.SHA256.IsZero() {
		return errors.New("field sha256 is missing")
	}
	if err := printable.Check(e.By, maxText); err != nil {
		return fmt.Errorf("field by: %w", err)
	}
	if err := stamp.Check(e.At); err != nil {
		return fmt.Errorf("field at: %w", err)
	}
	return nil
}

// Find returns the known world that c claims. The error is [ErrUnknown] where
// no one has vouched for c.Current, and Refused where cards that were replaced
// since had signed: their quorum counts no longer.
func (s *Store) Find(c Claim) (World, error) {
	all, err := s.List()
	if err != nil {
		return World{}, err
	}
	return find(all, c)
}

func find(all []World, c Claim) (World, error) {
	for _, w := range all {
		switch {
		case w.Current().SHA256 == c.Current:
			return w, nil
		case w.has(c.Current):
			return World{}, exitcode.Errorf(exitcode.Refused,
				"%v: its cards were replaced, and the package was authorized with the old ones", w).
				Hint("byok-offline acl modify and package again, with the present cards")
		}
	}
	return World{}, ErrUnknown
}

// Add records that by vouched for c.Current at a time, and returns the world.
// A claim whose First is known extends that world; any other is a new one.
// Only [Keeper.Trust] calls it, after a person has named the hknso.
func (s *Store) Add(c Claim, by string, at time.Time) (World, error) {
	if err := access.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return World{}, exitcode.Errorf(exitcode.Failed, "%s cannot be made: %w", filepath.Dir(s.path), durable.Cause(err))
	}
	release, err := durable.Lock(s.path+".lock", fmt.Sprintf("byok-online, process %d", os.Getpid()))
	if err != nil {
		return World{}, err
	}
	defer release()
	all, err := s.List()
	if err != nil {
		return World{}, err
	}
	if w, err := find(all, c); !errors.Is(err, ErrUnknown) {
		return w, err // another process was faster, or the cards were replaced
	}
	all, w := extend(all, newWorld(c, by, at))
	if err := check(all); err != nil {
		return World{}, exitcode.Errorf(exitcode.Usage, "%s: %w", s.path, err)
	}
	return w, s.write(all)
}

func newWorld(c Claim, by string, at time.Time) World {
	return World{Label: c.Label, First: c.First, HKNSO: []Entry{{c.Current, by, stamp.Of(at)}}}
}

// extend adds the hknso of a world to the one that it was before its cards were
// replaced, or as a world of its own.
func extend(all []World, n World) ([]World, World) {
	for i, w := range all {
		if w.has(n.First) {
			all[i].HKNSO = append(w.HKNSO, n.HKNSO...)
			return all, all[i]
		}
	}
	return append(all, n), n
}

func (s *Store) write(all []World) error {
	data, err := strictjson.Marshal(worldsFile{fileType, fileVersion, all})
	if err != nil {
		return exitcode.Mark(exitcode.Failed, err)
	}
	return exitcode.Mark(exitcode.Failed, durable.Replace(s.path, data, 0o600))
}
