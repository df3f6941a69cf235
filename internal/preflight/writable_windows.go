package preflight

import "golang.org/x/sys/windows"

// mayWrite asks Windows whether this user may add files to a folder: it opens the
// folder for that, and adds none.
func mayWrite(dir string) error {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return err
	}
	const (
		addFile = windows.FILE_WRITE_DATA // FILE_ADD_FILE (winnt.h)
		all     = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	)
	h, err := windows.CreateFile(name, addFile, all, nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return err
	}
	return windows.CloseHandle(h)
}
