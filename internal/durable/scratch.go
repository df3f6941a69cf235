package durable

import (
	"errors"
	"fmt"
	"os"
)

// OpenScratch opens a file for reading and writing, and creates it where it is
// missing, whose content the caller may throw away. So that nothing else is
// lost with it, a link, a file with a second name (a hard link), a file that
// belongs to another user, and anything but a regular file are refused.
func OpenScratch(path string, perm os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noWait|noFollow, perm)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be opened: %w", path, Cause(err))
	}
	info, err := f.Stat()
	if err == nil {
		err = regular(info.Mode())
	}
	if err == nil {
		err = ours(info)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s is left alone: %w", path, err)
	}
	return f, nil
}

var (
	errSecondName = errors.New("it is a hard link; the file has another name too")
	errForeign    = errors.New("it belongs to another user")
)
