package ceremony

import (
	"errors"
	"path/filepath"

	"byok/internal/durable"
	"byok/internal/exitcode"
)

// Hold takes the kmdata folder dir, whose log is open, for one command, so
// that two commands cannot interleave. holder says who, for the one that comes
// second: it is refused (status 6) with that text. The kernel frees the hold
// with the process, however it ends.
func Hold(dir, holder string) (release func(), err error) {
	release, err = durable.Lock(filepath.Join(dir, "local", ".held-by"), holder)
	if err == nil {
		return release, nil
	}
	var other durable.InUse
	if errors.As(err, &other) {
		return nil, exitcode.Errorf(exitcode.Refused, "%s is in use by %s", dir, other.By).
			Hint("wait until it has ended, then run the command again")
	}
	return nil, exitcode.Errorf(statusOf(err), "%s cannot be held for one command at a time: %w",
		dir, errors.Unwrap(err))
}
