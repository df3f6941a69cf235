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
// returns once the line is on the medium. The line must have no line end
// inside; one is added behind it. A failed Append leaves the content as it was.
func Append(path string, line []byte, perm fs.FileMode) error {
	return AppendAfter(path, perm, func([]byte) ([]byte, error) { return line, nil })
}

// AppendAfter is Append for a line that depends on the one before it, as in a
// hash chain: next gets the last line without its end (nil in an empty file)
// and no other process can append until it has returned. Of a line cut short
// by a crash next gets what there is; the new line starts on a line of its own.
func AppendAfter(path string, perm fs.FileMode, next func(last []byte) ([]byte, error)) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, perm)
	if err != nil {
		return failed(path, "cannot be appended to", err)
	}
	defer func() {
		if closing := f.Close(); err == nil {
			err = failed(path, "cannot be appended to", closing)
		}
	}()
	if err := lockFile(f); err != nil {
		return failed(path, "cannot be appended to", err)
	}
	old, err := io.ReadAll(f)
	if err != nil {
		return failed(path, "cannot be read", err)
	}
	last, end := lastLine(old)
	line, err := next(last)
	if err != nil {
		return err
	}
	if bytes.ContainsAny(line, "\r\n") {
		return failed(path, "cannot be appended to", errors.New("a line end inside the line"))
	}
	if err := appendSynced(f, end+string(line)+"\n"); err != nil {
		// Under the lock, nobody has appended since.
		_ = f.Truncate(int64(len(old)))
		return failed(path, "cannot be appended to", err)
	}
	if len(old) > 0 {
		return nil
	}
	return failed(path, "may not survive a power cut", syncFolder(filepath.Dir(path)))
}

// lastLine returns the last line of data and the line end it lacks, if any.
func lastLine(data []byte) (last []byte, missing string) {
	whole := bytes.TrimSuffix(data, []byte("\n"))
	if len(data) > 0 && len(whole) == len(data) {
		missing = "\n"
	}
	if len(data) == 0 {
		return nil, ""
	}
	return whole[bytes.LastIndexByte(whole, '\n')+1:], missing
}

// appendSynced uses one write, so that a reader never sees half a line.
func appendSynced(f *os.File, s string) error {
	if _, err := f.WriteString(s); err != nil {
		return err
	}
	return f.Sync()
}
