package durable

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

const (
	noWait = 0 // os.Stat, before, has told a pipe

	// noFollow is for CreateFile: open the link itself, which is not a regular file.
	noFollow = windows.FILE_FLAG_OPEN_REPARSE_POINT

	// appending is left out: it would take the right to cut the file again after
	// half a write. Who appends holds the lock.
	appending = 0

	// folderSync says that folders can be opened and synced: Windows refuses to
	// flush one. A name is on the medium when the rename that gave it returns.
	folderSync = false
)

// renameExclusive fails with [fs.ErrExist] instead of replacing.
func renameExclusive(from, to string) error { return move(from, to, 0) }

// renameOver replaces what has the name.
func renameOver(from, to string) error { return move(from, to, windows.MOVEFILE_REPLACE_EXISTING) }

// longestWait is how long another program may keep a file open: one that looks for
// viruses opens every new file for a moment, and no file that is open can be
// renamed or replaced.
const longestWait = time.Second

// move renames, and returns once that is on the medium.
func move(from, to string, flags uint32) error {
	a, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	b, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	for wait := time.Millisecond; ; wait *= 2 {
		err = windows.MoveFileEx(a, b, flags|windows.MOVEFILE_WRITE_THROUGH)
		if !inUse(err) || wait > longestWait/2 {
			break
		}
		time.Sleep(wait)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// inUse reports whether an error can be that of a file that someone has open.
func inUse(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
}

// openLeft opens a temporary for removeOpen. A link is opened itself, and is not a
// regular file.
func openLeft(path string) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	const all = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	handle, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE|windows.DELETE, all, nil,
		windows.OPEN_EXISTING, windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(handle), path)
	info, err := f.Stat()
	if err == nil {
		err = regular(info.Mode())
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// removeOpen removes a file of openLeft while its lock is held: it goes with its last
// handle, and no other process opens it meanwhile.
func removeOpen(f *os.File) error {
	const goes = 1 // FILE_DISPOSITION_INFO, winbase.h
	disposition := [...]byte{goes}
	return windows.SetFileInformationByHandle(windows.Handle(f.Fd()), windows.FileDispositionInfo,
		&disposition[0], uint32(len(disposition)))
}

// hasSecondName reports whether a file has a name beside the one it was opened by.
func hasSecondName(f *os.File) (bool, error) {
	var about windows.ByHandleFileInformation
	err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &about)
	return about.NumberOfLinks > 1, err
}
