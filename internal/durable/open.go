package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrUnfit says that what has a file's name cannot serve as that file: a
// folder, a named pipe, a socket, a device, a loop of links, a file that is too
// large or, where it is to be written to, one with a second name or another
// owner. Test with errors.Is. The error's text says which of these it is.
var ErrUnfit = errors.New("unfit to be this file")

// unfit is [ErrUnfit] in plain words.
type unfit string

func (u unfit) Error() string        { return string(u) }
func (u unfit) Is(target error) bool { return target == ErrUnfit }

const (
	errLink       = unfit("a symbolic link, not a file")
	errLoop       = unfit("too many levels of symbolic links")
	errBelow      = unfit("not a directory") // what stands before the last slash
	errNowhere    = unfit("a symbolic link that leads nowhere")
	errSecondName = unfit("it is a hard link; the file has another name too")
	errForeign    = unfit("it belongs to another user")
)

// openRegular is os.OpenFile for a regular file, or a link to one. It waits for
// no one, and creates nothing where a link leads.
//
// Anything else is refused before it is opened: opening a device can set it
// going. What was opened is looked at once more, since it may have been
// exchanged in between.
func openRegular(path string, flag int, perm fs.FileMode) (*os.File, error) {
	if flag&os.O_CREATE != 0 {
		if err := nameable(path); err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(path)
	missing := errors.Is(err, fs.ErrNotExist)
	if err == nil {
		if err := regular(info.Mode()); err != nil {
			return nil, err
		}
	}
	looped := errLoop
	switch {
	case flag&noFollow != 0:
		looped = errLink
	case missing && flag&os.O_CREATE != 0:
		looped, flag = errNowhere, flag|noFollow
	}
	f, err := os.OpenFile(path, flag|noWait, perm)
	switch {
	case errors.Is(err, syscall.ELOOP):
		return nil, looped
	case errors.Is(err, syscall.ENOTDIR) && belowFile(path):
		return nil, errBelow
	case err != nil:
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = regular(info.Mode())
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// belowFile reports whether a file is in place of a folder on the way to a path.
// Windows says ENOTDIR as well where a folder is missing.
func belowFile(path string) bool {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil {
			return !info.IsDir()
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

// openOwn is openRegular for a file that is written to in place, which must
// have no second name: what is written would be lost under that one.
func openOwn(path string, flag int, perm fs.FileMode) (*os.File, error) {
	f, err := openRegular(path, flag, perm)
	if err != nil {
		return nil, err
	}
	second, err := hasSecondName(f)
	if second {
		err = errSecondName
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// kinds names what can be in place of a file.
var kinds = []struct {
	mode fs.FileMode
	name string
}{
	{fs.ModeDir, "a folder"},
	{fs.ModeSymlink, "a symbolic link"},
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
			return unfit(k.name + ", not a file")
		}
	}
	return unfit("not a file")
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
