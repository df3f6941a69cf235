package native

import (
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"

	"byok/internal/exitcode"
)

// loaded is a library that Windows has loaded.
type loaded struct{ handle windows.Handle }

// none is the handle of no library.
const none windows.Handle = 0

// fromWhere are the folders in which Windows looks for what the library needs: its
// own and System32. The working folder and %PATH% are not among them, in which
// anybody may put a file of that name (LoadLibraryEx, "Search order using
// LOAD_LIBRARY_SEARCH flags").
const fromWhere = windows.LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | windows.LOAD_LIBRARY_SEARCH_SYSTEM32

// load loads the library at an absolute path. The binding, which loads it again by
// that path, gets the same one.
func load(path string) (loaded, error) {
	if !filepath.IsAbs(path) {
		return loaded{}, exitcode.Errorf(exitcode.Usage, "PKCS#11 library %s: the path is not absolute", path)
	}
	handle, err := windows.LoadLibraryEx(path, 0, fromWhere)
	if err != nil {
		return loaded{}, exitcode.Errorf(exitcode.Usage, "PKCS#11 library %s: Windows did not load it: %w", path, err).
			Hint("put the libraries that it needs into its folder: %%PATH%% is not searched")
	}
	return loaded{handle}, nil
}

// entry is the address of a function that the library exports, or nil.
func (l loaded) entry(name string) unsafe.Pointer {
	address, err := windows.GetProcAddress(l.handle, name)
	if err != nil {
		return nil
	}
	return *(*unsafe.Pointer)(unsafe.Pointer(&address)) // not memory of Go's
}

func (l loaded) unload() { _ = windows.FreeLibrary(l.handle) }
