package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Open opens a file for reading. It must be a regular file, or a link to one:
// a folder, a named pipe, a socket or a device in its place is refused at
// once, where os.Open would wait for a pipe's writer. The error names the file
// and is fs.ErrNotExist where there is none.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, unreadable(path, err)
	}
	info, err := f.Stat()
	if err == nil {
		err = regular(info.Mode())
	}
	if err != nil {
		_ = f.Close()
		return nil, unreadable(path, err)
	}
	return f, nil
}

// ReadFile returns the content of a file of at most limit bytes. What must not
// be in place of a file, and its errors, are those of [Open].
func ReadFile(path string, limit int) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	if len(data) > limit {
		return nil, fmt.Errorf("%s: %w", path, tooLarge(limit))
	}
	return data, nil
}

func tooLarge(limit int) error {
	return fmt.Errorf("larger than the %d bytes that such a file may have", limit)
}

// kinds names what can be in place of a file.
var kinds = []struct {
	mode fs.FileMode
	name string
}{
	{fs.ModeDir, "a folder"},
	{fs.ModeNamedPipe, "a named pipe"},
	{fs.ModeSocket, "a socket"},
	{fs.ModeDevice, "a device"},
}

// regular returns an error for anything but a regular file.
func regular(mode fs.FileMode) error {
	if mode.IsRegular() {
		return nil
	}
	for _, k := range kinds {
		if mode&k.mode != 0 {
			return fmt.Errorf("%s, not a file", k.name)
		}
	}
	return errors.New("not a file")
}

// unreadable names the file and the cause.
func unreadable(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", path, noSuchFile{})
	}
	return fmt.Errorf("%s: %w", path, Cause(err))
}

// noSuchFile is fs.ErrNotExist in plain words.
type noSuchFile struct{}

func (noSuchFile) Error() string        { return "no such file" }
func (noSuchFile) Is(target error) bool { return target == fs.ErrNotExist }
