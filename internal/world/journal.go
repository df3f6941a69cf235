package world

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

// Journal carries one operation that changes token and files through its
// steps, so that it can be cut short anywhere:
//
//	check    what can be refused is refused before anything changes
//	note     what is pending is on the disk
//	do       the token changes, outputs are written
//	undo     on an error, what was made is taken back
//	clear    the note goes away
//
// The next run of an operation that was cut short first finds the note. If
// the operation is done, only the note is left to clear; otherwise Undo takes
// back what the note says may be there, and Do starts again, or goes on from
// the note where an operation says so.
//
// A note holds nothing secret.
type Journal struct{ dir string }

// journal is the journal of a kmdata folder.
func journal(dir string) Journal { return Journal{kmdata.Local(dir)} }

// operation is one entry of the journal.
type operation[T any] struct {
	name string // of the note: "key-generate_contosokey"
	// done reports whether an interrupted run had come to its end; nil for an
	// operation that cannot tell.
	done func(note T) (bool, error)
	// check refuses what is in the way, when nothing of this operation is left
	// and nothing has changed; nil where there is nothing to check.
	check func() error
	// undo takes back what an interrupted run, or this one, may have left.
	undo func(note T) error
	// do changes token and files. It may write the note again as it goes on.
	do func(note *T, save func() error) error
}

// noteFile is a note on the disk.
type noteFile[T any] struct {
	Type    string `json:"type"`
	Version int    `json:"version"`
	Note    T      `json:"note"`
}

const noteType = "byok-pending"

// run does an operation; note says what it is about to do. The returned value
// reports whether an interrupted run had done it already.
func run[T any](j Journal, op operation[T], note T) (before bool, err error) {
	path := filepath.Join(j.dir, "."+op.name+".pending")
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
	if op.check != nil {
		if err := op.check(); err != nil {
			return false, errors.Join(err, clearNote(path))
		}
	}
	save := func() error { return writeNote(path, note) }
	if err := save(); err != nil {
		return false, err
	}
	if err := op.do(&note, save); err != nil {
		return false, takeBack(path, op, note, err)
	}
	return false, clearNote(path)
}

// settle ends an interrupted run: it was done, or is taken back.
func settle[T any](path string, op operation[T], note T) (done bool, err error) {
	if op.done != nil {
		if done, err = op.done(note); err != nil {
			return false, err
		}
	}
	if done {
		return true, clearNote(path)
	}
	return false, op.undo(note)
}

// takeBack undoes a failed run. What cannot be undone stays noted for the next.
func takeBack[T any](path string, op operation[T], note T, cause error) error {
	if err := op.undo(note); err != nil {
		return exitcode.Hint(fmt.Errorf("%w; what was made so far is still there: %w", cause, err),
			"run the same command again: it removes that first")
	}
	if err := clearNote(path); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

// clear removes the note of an operation that goes on after its run.
func (j Journal) clear(name string) error {
	return clearNote(filepath.Join(j.dir, "."+name+".pending"))
}

// pendingNote reads the note of an interrupted operation, if there is one.
func pendingNote[T any](j Journal, name string) (T, bool, error) {
	return readNote[T](filepath.Join(j.dir, "."+name+".pending"))
}

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
