// Package journal carries an operation that changes token and files through
// its steps, so that it can be cut short anywhere: [Run] finishes what an
// interrupted run had done, or takes it back, before it begins.
//
// Every operation of packages world and keys runs on it, and reads as check,
// do, undo. A note on the disk says what is pending; it holds nothing secret.
package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/strictjson"
)

// Journal is where the notes of a kmdata folder are. The steps of an operation:
//
//	check    what can be refused is refused before anything changes
//	note     what is pending is on the disk
//	do       the token changes, outputs are written
//	undo     on an error, what was made is taken back
//	clear    the note goes away
//
// The next run of an operation that was cut short first finds the note. If
// the operation is done, only the note is left to clear. Otherwise Undo takes
// back what the note says may be there, and Do starts again. Where the note is
// to be kept, nothing is taken back, and Do goes on from it.
type Journal struct{ dir string }

// Of returns the journal of a kmdata folder.
func Of(kmdataDir string) Journal { return Journal{kmdata.Local(kmdataDir)} }

// Operation is one entry of the journal; T is its note.
type Operation[T any] struct {
	Name string // of the note: "key-generate_contosokey"
	// Done reports whether an interrupted run had come to its end; nil for an
	// operation that does not know.
	Done func(note T) (bool, error)
	// Check refuses what is in the way, when nothing of this operation is left
	// and nothing has changed; nil where there is nothing to check.
	Check func() error
	// Keep reports whether what the note says is needed by the next run, which
	// goes on from it: neither is then taken back, also after an error. nil keeps
	// nothing.
	Keep func(note T) bool
	// Undo takes back what an interrupted run, or this one, may have left; nil
	// where there is nothing to take back.
	Undo func(note T) error
	// Do changes token and files. It may write the note again as it goes on.
	Do func(note *T, save func() error) error
}

// noteFile is a note on the disk.
type noteFile[T any] struct {
	Type    string `json:"type"`
	Version int    `json:"version"`
	Note    T      `json:"note"`
}

const noteType = "byok-pending"

// Run does an operation; note says what it is about to do. The returned value
// reports whether an interrupted run had done it already.
func Run[T any](j Journal, op Operation[T], note T) (before bool, err error) {
	path := j.path(op.Name)
	old, pending, err := readNote[T](path)
	if err != nil {
		return false, err
	}
	if pending {
		done, err := settle(path, op, old)
		if err != nil || done {
			return done, err
		}
	}
	if err := op.check(); err != nil {
		if pending && !op.keeps(old) {
			err = errors.Join(err, clearNote(path))
		}
		return false, err
	}
	save := func() error { return writeNote(path, note) }
	if err := save(); err != nil {
		return false, err
	}
	if err := op.Do(&note, save); err != nil {
		return false, takeBack(path, op, note, err)
	}
	return false, clearNote(path)
}

func (op Operation[T]) check() error {
	if op.Check == nil {
		return nil
	}
	return op.Check()
}

// undo takes back what the note says, if that is not to be kept.
func (op Operation[T]) undo(note T) error {
	if op.Undo == nil || op.keeps(note) {
		return nil
	}
	return op.Undo(note)
}

func (op Operation[T]) keeps(note T) bool { return op.Keep != nil && op.Keep(note) }

// settle ends an interrupted run: it was done, or is taken back.
func settle[T any](path string, op Operation[T], note T) (done bool, err error) {
	if op.Done != nil {
		if done, err = op.Done(note); err != nil {
			return false, err
		}
	}
	if done {
		return true, clearNote(path)
	}
	return false, op.undo(note)
}

// takeBack undoes a failed run. What cannot be undone stays noted for the next.
func takeBack[T any](path string, op Operation[T], note T, cause error) error {
	if op.keeps(note) {
		return cause
	}
	if err := op.undo(note); err != nil {
		return exitcode.Hint(fmt.Errorf("%w; what was made so far is still there: %w", cause, err),
			"run the same command again: it removes that first")
	}
	if err := clearNote(path); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

// Clear removes the note of an operation that goes on after its run.
func (j Journal) Clear(name string) error {
	return clearNote(j.path(name))
}

// Pending reads the note of an interrupted operation, if there is one.
func Pending[T any](j Journal, name string) (T, bool, error) {
	return readNote[T](j.path(name))
}

func (j Journal) path(name string) string { return filepath.Join(j.dir, "."+name+".pending") }

func readNote[T any](path string) (note T, pending bool, err error) {
	data, err := durable.ReadFile(path, kmdata.MaxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return note, false, nil
	}
	if err != nil {
		return note, false, err
	}
	if err := strictjson.Expect(path, data, kmdata.MaxFile, noteType, 1); err != nil {
		return note, false, exitcode.Mark(exitcode.Usage, err)
	}
	var file noteFile[T]
	err = strictjson.Exact(path, data, kmdata.MaxFile, &file)
	return file.Note, true, exitcode.Mark(exitcode.Usage, err)
}

func writeNote[T any](path string, note T) error {
	data, err := strictjson.Marshal(noteFile[T]{noteType, 1, note})
	if err != nil {
		return err
	}
	return durable.Replace(path, data, 0o600)
}

func clearNote(path string) error {
	err := durable.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
