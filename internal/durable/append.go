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
	doing, open := "cannot be appended to", openOwn
	if flag == os.O_RDONLY {
		doing, open = "cannot be read", openRegular
	}
	f, err := open(path, flag, perm)
	if err != nil {
		return nil, nil, failed(path, doing, err)
	}
	data, err := lockedContent(f, int64(limit))
	if err != nil {
		_ = f.Close()
		return nil, nil, failed(path, doing, err)
	}
	return f, data, nil
}

// lockedContent waits for the lock of a file and reads it.
func lockedContent(f *os.File, limit int64) ([]byte, error) {
	if err := lockFile(f); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit { // before it fills the memory
		return nil, tooLarge(limit)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = tooLarge(limit)
	}
	return data, err
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
	f, err := openOwn(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, perm)
	if err == nil {
		err = f.Close()
	}
	return failed(path, "cannot be appended to", err)
}
