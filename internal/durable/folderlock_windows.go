package durable

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/windows"
)

// lockFolder keeps our other processes on this computer from placing files in the
// folder. A folder has no lock here, so it is a mutex that is named after the
// folder's number; the kernel frees it with the process. Where another account
// has made the mutex, the exclusive rename of the head decides who wins.
func lockFolder(path string) (unlock func(), err error) {
	name, err := mutexOf(path)
	if err != nil {
		return nil, err
	}
	mutex, _ := windows.CreateMutex(nil, false, name) // an error, too, where it is there already
	if mutex == 0 {
		return func() {}, nil
	}
	runtime.LockOSThread() // to which the mutex belongs
	_, _ = windows.WaitForSingleObject(mutex, windows.INFINITE)
	return func() {
		_ = windows.ReleaseMutex(mutex)
		_ = windows.CloseHandle(mutex)
		runtime.UnlockOSThread()
	}, nil
}

// mutexOf names the mutex of a folder, whichever of its paths it is called by.
func mutexOf(path string) (*uint16, error) {
	folder, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	var about windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(folder.Fd()), &about); err != nil {
		return nil, err
	}
	return windows.UTF16PtrFromString(fmt.Sprintf(`Global\byok-folder-%08x-%08x%08x`,
		about.VolumeSerialNumber, about.FileIndexHigh, about.FileIndexLow))
}
