package durable

import (
	"fmt"
	"io"
	"os"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/printable"
)

// maxHolder is the longest text, in bytes, that says who holds a lock.
const maxHolder = 200

// InUse is the error of [Lock] while another process holds the file.
type InUse struct {
	Path string // of the lock's file
	By   string // who holds it, as that process said; "another process" if it did not
}

// Error says which file is in use, and by whom.
func (e InUse) Error() string { return e.Path + " is in use by " + e.By }

// Lock takes the file at path for this process, and creates it (mode 0600)
// where it is missing; its content says who holds it. holder is that text, one
// line of at most 200 bytes, such as "byok-offline acl modify, process 4711".
//
// Lock does not wait: while another process holds the file the error is an
// [InUse] with status Refused. The kernel frees the lock with the process,
// however it ends. The file itself stays: see [LockTemporary]. A link, a file
// with a second name (a hard link), and anything but a regular file are
// [ErrUnfit].
func Lock(path, holder string) (release func(), err error) {
	f, err := lockOwn(path)
	if err != nil {
		return nil, err
	}
	note(f, holder+"\n")
	return func() {
		note(f, "")
		_ = f.Close()
	}, nil
}

// lockOwn opens the file at path, or creates it, and takes its lock.
func lockOwn(path string) (*os.File, error) {
	f, err := openOwn(path, os.O_CREATE|os.O_RDWR|noFollow, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be locked: %w", path, Cause(err))
	}
	if err := takeLock(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func takeLock(f *os.File) error {
	free, err := TryLock(f)
	switch {
	case err != nil:
		return fmt.Errorf("%s cannot be locked: %w", f.Name(), Cause(err))
	case free:
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "%w", InUse{f.Name(), holderOf(f)}).
		Hint("wait until it has ended, then run the command again")
}

// TryLock takes the lock of an open file and reports whether it got it: it
// does not while another open file, of this process or another, has it.
// Closing f frees the lock.
func TryLock(f *os.File) (bool, error) { return tryLock(f) }

// holderOf reads what the process that holds f said. Whoever may write the
// file can write anything.
func holderOf(f *os.File) string {
	text, _ := io.ReadAll(io.NewSectionReader(f, 0, maxHolder))
	line, _, _ := strings.Cut(string(text), "\n")
	if line == "" {
		return "another process"
	}
	return printable.Escape(line)
}

// note says who holds the file. It is for the message alone: the lock holds
// without it.
func note(f *os.File, holder string) {
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(holder), 0)
}
