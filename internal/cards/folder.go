package cards

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/quorum"
)

// The names of a card and of its header in their folder.
const (
	CardFile   = "byok-card.age"
	HeaderFile = "byok-card.json"
)

// newFile is the name of a card that was sealed again, until it has been verified.
const newFile = CardFile + ".new"

// maxFile is the size of a card file in bytes that is still read: the card,
// age's header and tag, and room.
const maxFile = 2 * quorum.MaxCard

// folder is a medium that is mounted as a folder.
type folder string

// Folder returns the medium that is mounted as the folder dir. It is not
// touched yet.
func Folder(dir string) Medium { return folder(dir) }

func (f folder) String() string { return string(f) }

func (f folder) card() string { return filepath.Join(string(f), CardFile) }

func (f folder) header() string { return filepath.Join(string(f), HeaderFile) }

func (f folder) renewed() string { return filepath.Join(string(f), newFile) }

// stat returns what the system knows of the folder.
func (f folder) stat() (fs.FileInfo, error) {
	info, err := os.Stat(string(f))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		err = errors.New("no such folder")
	}
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Refused, "%s: %w", f, durable.Cause(err)).
			Hint("insert and mount the medium for this card")
	}
	return info, nil
}

// Blank tries it, since permissions say nothing about a medium that is
// write-protected.
func (f folder) Blank() error {
	if _, err := f.stat(); err != nil {
		return err
	}
	for _, path := range []string{f.card(), f.renewed()} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return exitcode.Errorf(exitcode.Refused, "%s: this card is not blank, and cards are never overwritten", path).
				Hint("insert a blank medium, or remove that file if no world needs it")
		}
	}
	if err := durable.Writable(f.card()); err != nil {
		return exitcode.Errorf(exitcode.Refused, "%s: cannot be written to: %w", f, err).
			Hint("give a folder on a writable medium")
	}
	return nil
}

// Write places the header first: a card is never without one, and a header
// without a card is what an interrupted run left.
func (f folder) Write(h Header, sealed []byte) error {
	header, err := h.Encode()
	if err != nil {
		return err
	}
	set := durable.NewSet()
	defer set.Discard()
	for _, file := range []struct {
		path string
		data []byte
	}{{f.card(), sealed}, {f.header(), header}} {
		w, err := set.Create(file.path, 0o600)
		if err != nil {
			return err
		}
		if _, err := w.Write(file.data); err != nil {
			return err
		}
	}
	return set.Commit()
}

func (f folder) Read() (Header, []byte, error) {
	if _, err := f.stat(); err != nil {
		return Header{}, nil, err
	}
	sealed, err := durable.ReadFile(f.card(), maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Header{}, nil, exitcode.Errorf(exitcode.Refused, "%s: %w, no %s in it", f, ErrBlank, CardFile).
			Hint("insert the medium with the card, or name the folder the card is in")
	}
	if err != nil {
		return Header{}, nil, unreadable(err)
	}
	h, err := f.readHeader()
	if err != nil {
		return Header{}, nil, exitcode.Hint(err, "look at that file; once it is removed, the card opens without it")
	}
	return h, sealed, nil
}

func (f folder) readHeader() (Header, error) {
	data, err := durable.ReadFile(f.header(), maxHeader)
	if errors.Is(err, fs.ErrNotExist) {
		return Header{}, nil
	}
	if err != nil {
		return Header{}, unreadable(err)
	}
	return DecodeHeader(f.header(), data)
}

// unreadable is Refused for what is not a card file, such as a pipe in its
// place, and Failed for what the system could not read.
func unreadable(err error) error {
	var cause syscall.Errno
	if !errors.As(err, &cause) {
		err = exitcode.Mark(exitcode.Refused, err)
	}
	return exitcode.Hint(err, "%s", hintOther)
}

// Replace writes under a name that is not a card's, and renames once the copy
// there has been verified.
func (f folder) Replace(sealed []byte, verify func(written []byte) error) error {
	if err := removeIfThere(f.renewed()); err != nil {
		return err
	}
	if err := durable.WriteFile(f.renewed(), sealed, 0o600); err != nil {
		return err
	}
	written, err := durable.ReadFile(f.renewed(), maxFile)
	if err == nil {
		err = verify(written)
	}
	if err != nil {
		return errors.Join(err, removeIfThere(f.renewed()))
	}
	return durable.Rename(f.renewed(), f.card())
}

// Remove takes the card first, so that none is left without its header.
func (f folder) Remove() error {
	for _, path := range []string{f.card(), f.renewed(), f.header()} {
		if err := removeIfThere(path); err != nil {
			return err
		}
	}
	return nil
}

func removeIfThere(path string) error {
	if err := durable.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
