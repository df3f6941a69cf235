package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Open opens a file for reading. It must be a regular file, or a link to one:
// a folder, a named pipe, a socket or a device in its place is refused at
// once ([ErrUnfit]), where os.Open would wait for a pipe's writer. The error
// names the file and is fs.ErrNotExist where there is none.
//
// Whoever reads the whole of it uses [ReadFile], or [OpenUpTo]: a file can be
// larger than any medium, if it has holes.
func Open(path string) (*os.File, error) {
	f, err := openRegular(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return f, nil
}

// OpenUpTo is [Open] for a file of at most limit bytes. A larger one is [ErrUnfit].
func OpenUpTo(path string, limit int64) (*os.File, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > limit {
		err = tooLarge(limit)
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
	f, err := OpenUpTo(path, int64(limit))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := content(f, int64(limit)+1)
	if err != nil {
		return nil, unreadable(path, err)
	}
	if len(data) > limit { // it grew meanwhile, or its size is not known, as in /proc
		return nil, unreadable(path, tooLarge(int64(limit)))
	}
	return data, nil
}

// content reads a file to its end, of at most limit bytes. What is kept takes no more
// memory than the file has bytes; one whose size is not known, as in /proc, is read
// all the same.
func content(f *os.File, limit int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data := make([]byte, min(info.Size(), limit))
	n, err := io.ReadFull(f, data)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return data[:n], nil // it was cut meanwhile
	case err != nil:
		return nil, err
	}
	more, err := io.ReadAll(io.LimitReader(f, limit-int64(n)))
	if len(more) == 0 {
		return data, err
	}
	return append(data, more...), err
}

func tooLarge(limit int64) error {
	return unfit(fmt.Sprintf("larger than the %d bytes that such a file may have", limit))
}
