package durable

import (
	"os"
	"runtime"
)

// LockTemporary is [Lock] of a file in a folder for temporary files: release
// removes the file. Of two processes that lock one name, one can have opened a
// file that the other then removes: a lock counts only while the name still
// leads to the locked file, and is taken again otherwise. A process that is
// killed leaves the file, which the next one takes over.
func LockTemporary(path, holder string) (release func(), err error) {
	for {
		f, err := lockOwn(path)
		if err != nil {
			return nil, err
		}
		if leadsTo(path, f) {
			note(f, holder+"\n")
			return func() { removeLocked(f) }, nil
		}
		_ = f.Close()
	}
}

// leadsTo reports whether the file at path is the open file f.
func leadsTo(path string, f *os.File) bool {
	named, err := os.Lstat(path)
	if err != nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && os.SameFile(named, info)
}

// removeLocked removes the file and frees its lock. Windows removes no file that
// is open, and so cannot remove one that another process has locked meanwhile.
func removeLocked(f *os.File) {
	note(f, "")
	if runtime.GOOS == "windows" {
		_ = f.Close()
		_ = os.Remove(f.Name())
		return
	}
	_ = os.Remove(f.Name())
	_ = f.Close()
}
