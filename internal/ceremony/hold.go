package ceremony

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"

	"byok/internal/exitcode"
)

// Hold takes the kmdata folder dir, whose log is open, for one command, so
// that two commands cannot interleave. holder says who, for the one that comes
// second: it is refused (status 6) with that text. The kernel frees the hold
// with the process, however it ends.
func Hold(dir, holder string) (release func(), err error) {
	path := filepath.Join(dir, "local", ".held-by")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Failed, "%s cannot be held for one command at a time: %w", dir, cause(err))
	}
	free, err := tryLock(f)
	if err != nil {
		_ = f.Close()
		return nil, exitcode.Errorf(exitcode.Failed, "%s cannot be held for one command at a time: %w", dir, err)
	}
	if !free {
		defer f.Close()
		other, _ := os.ReadFile(path)
		return nil, exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s is in use by %s", dir, cmp.Or(strings.TrimSpace(string(other)), "another process")),
			"wait until it has ended, then run the command again")
	}
	note(f, holder+"\n")
	return func() {
		note(f, "")
		_ = f.Close()
	}, nil
}

// note says who holds the folder. It is only for the message: the lock holds
// without it.
func note(f *os.File, holder string) {
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(holder), 0)
}
