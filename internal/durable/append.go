package durable

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Append adds a line to a file that only grows, creates it if need be, and
// returns once the line is on the medium. The line depends on what is there,
// as in a hash chain: next gets the whole content, of at most limit bytes, and
// returns the line without its end. No other process can append meanwhile.
//
// The line must have no line end inside. Behind a line that a crash cut short
// it starts on a line of its own. A failed Append leaves the content as it was.
// What cannot be that file, or has a second name (a hard link), is [ErrUnfit].
func Append(path string, perm fs.FileMode, limit int64, next func(old *io.SectionReader) ([]byte, error)) (err error) {
	f, old, err := openLocked(path, os.O_RDWR|appending|os.O_CREATE, perm, limit)
	if err != nil {
		return err
	}
	defer func() {
		if closing := f.Close(); err == nil {
			err = failed(path, "cannot be appended to", closing)
		}
	}()
	line, err := next(old)
	if err != nil {
		return err
	}
	if bytes.ContainsAny(line, "\r\n") {
		return failed(path, "cannot be appended to", errors.New("a line end inside the line"))
	}
	if err := appendSynced(f, old, line); err != nil {
		// Under the lock, no other process has appended since.
		_ = f.Truncate(old.Size())
		return failed(path, "cannot be appended to", err)
	}
	if old.Size() > 0 {
		return nil
	}
	return failed(path, "may not survive a power cut", syncFolder(filepath.Dir(path)))
}

// Appended is the content of a file that [Append] writes, as it was when it was
// opened: what is appended later is not in it, and does not wait for readers.
type Appended struct {
	*io.SectionReader
	file *os.File
}

// OpenAppended opens a file of at most limit bytes that [Append] writes, and waits
// for an Append that is under way. The error is fs.ErrNotExist where there is no
// file.
func OpenAppended(path string, limit int64) (*Appended, error) {
	f, content, err := openLocked(path, os.O_RDONLY, 0, limit)
	if err != nil {
		return nil, err
	}
	if err := unlockFile(f); err != nil {
		_ = f.Close()
		return nil, failed(path, "cannot be read", err)
	}
	return &Appended{content, f}, nil
}

// Close closes the file.
func (a *Appended) Close() error { return a.file.Close() }

// openLocked opens a file and waits for its lock.
func openLocked(path string, flag int, perm fs.FileMode, limit int64) (*os.File, *io.SectionReader, error) {
	doing, open := "cannot be appended to", openOwn
	if flag == os.O_RDONLY {
		doing, open = "cannot be read", openRegular
	}
	f, err := open(path, flag, perm)
	if err != nil {
		return nil, nil, failed(path, doing, err)
	}
	content, err := lockedContent(f, limit)
	if err != nil {
		_ = f.Close()
		return nil, nil, failed(path, doing, err)
	}
	return f, content, nil
}

// lockedContent waits for the lock of a file and returns what is in it.
func lockedContent(f *os.File, limit int64) (*io.SectionReader, error) {
	if err := lockFile(f); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, tooLarge(limit)
	}
	return io.NewSectionReader(f, 0, info.Size()), nil
}

// appendSynced uses one write, so that a reader never sees half a line.
func appendSynced(f *os.File, old *io.SectionReader, line []byte) error {
	whole, err := wholeLines(old)
	if err != nil {
		return err
	}
	if !whole {
		line = append([]byte("\n"), line...)
	}
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		return err
	}
	return f.Sync()
}

// wholeLines reports whether every line of a file has its end.
func wholeLines(old *io.SectionReader) (bool, error) {
	if old.Size() == 0 {
		return true, nil
	}
	var last [1]byte
	_, err := old.ReadAt(last[:], old.Size()-1)
	return last[0] == '\n', err
}

// Touch creates an empty file where there is none, and proves that [Append]
// may write to it.
func Touch(path string, perm fs.FileMode) error {
	f, err := openOwn(path, os.O_RDWR|appending|os.O_CREATE, perm)
	if err == nil {
		err = f.Close()
	}
	return failed(path, "cannot be appended to", err)
}
