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
func Append(path string, perm fs.FileMode, limit int, next func(old []byte) ([]byte, error)) (err error) {
	f, old, err := openLocked(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, perm, limit)
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
	if err := appendSynced(f, missingEnd(old)+string(line)+"\n"); err != nil {
		// Under the lock, no other process has appended since.
		_ = f.Truncate(int64(len(old)))
		return failed(path, "cannot be appended to", err)
	}
	if len(old) > 0 {
		return nil
	}
	return failed(path, "may not survive a power cut", syncFolder(filepath.Dir(path)))
}

// ReadAppended returns the content, of at most limit bytes, of a file that
// [Append] writes, and waits for an Append that is under way. The error is
// fs.ErrNotExist where there is no file.
func ReadAppended(path string, limit int) ([]byte, error) {
	f, data, err := openLocked(path, os.O_RDONLY, 0, limit)
	if err != nil {
		return nil, err
	}
	return data, f.Close()
}

// openLocked opens a file, waits for its lock, and reads it.
func openLocked(path string, flag int, perm fs.FileMode, limit int) (*os.File, []byte, error) {
	doing := "cannot be appended to"
	if flag == os.O_RDONLY {
		doing = "cannot be read"
	}
	f, err := os.OpenFile(path, flag|noWait, perm)
	if err != nil {
		return nil, nil, failed(path, doing, err)
	}
	info, err := f.Stat()
	if err == nil {
		err = regular(info.Mode())
	}
	if err == nil {
		err = lockFile(f)
	}
	if err == nil && info.Size() > int64(limit) { // before it fills the memory
		err = tooLarge(limit)
	}
	var data []byte
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(f, int64(limit)+1))
	}
	if err == nil && len(data) > limit {
		err = tooLarge(limit)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, failed(path, doing, err)
	}
	return f, data, nil
}

// missingEnd returns the line end that the last line of data lacks, if any.
func missingEnd(data []byte) string {
	if len(data) == 0 || bytes.HasSuffix(data, []byte("\n")) {
		return ""
	}
	return "\n"
}

// appendSynced uses one write, so that a reader never sees half a line.
func appendSynced(f *os.File, s string) error {
	if _, err := f.WriteString(s); err != nil {
		return err
	}
	return f.Sync()
}

// Touch creates an empty file where there is none, and proves that [Append]
// may write to it.
func Touch(path string, perm fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE|noWait, perm)
	if err != nil {
		return failed(path, "cannot be appended to", err)
	}
	info, err := f.Stat()
	if err == nil {
		err = regular(info.Mode())
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	return failed(path, "cannot be appended to", err)
}
