package durable

import (
	"errors"
	"fmt"
	"os"

	"byok/internal/access"
)

// OpenScratch opens a file for reading and writing, and creates it where it is
// missing, whose content the caller may throw away. So that nothing else is
// lost with it, a link, a file with a second name (a hard link), a file that
// belongs to another user, and anything but a regular file are refused
// ([ErrUnfit]).
func OpenScratch(path string, perm os.FileMode) (*os.File, error) {
	f, err := openOwn(path, os.O_RDWR|os.O_CREATE|noFollow, perm)
	if err != nil {
		return nil, unopened(path, err)
	}
	ours, err := access.Owned(f)
	if err == nil && !ours {
		err = errForeign
	}
	if err != nil {
		_ = f.Close()
		return nil, unopened(path, err)
	}
	return f, nil
}

func unopened(path string, err error) error {
	if errors.Is(err, ErrUnfit) {
		return fmt.Errorf("%s is left alone: %w", path, err)
	}
	return fmt.Errorf("%s cannot be opened: %w", path, Cause(err))
}
