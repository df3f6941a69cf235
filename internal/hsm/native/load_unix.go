//go:build !windows

package native

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
*/
import "C"

import (
	"unsafe"

	"byok/internal/exitcode"
	"byok/internal/term"
)

// loaded is a library that the dynamic linker has loaded.
type loaded struct{ handle unsafe.Pointer }

// none is the handle of no library.
var none unsafe.Pointer

func load(path string) (loaded, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	handle := C.dlopen(name, C.RTLD_LAZY)
	if handle == nil {
		return loaded{}, exitcode.Errorf(exitcode.Usage,
			"PKCS#11 library %s: the dynamic linker refused it; a library it needs may be missing", path).
			Hint("ldd %s", term.Quote(path))
	}
	return loaded{handle}, nil
}

// entry is the address of a function that the library exports, or nil.
func (l loaded) entry(name string) unsafe.Pointer {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	return C.dlsym(l.handle, text)
}

func (l loaded) unload() { C.dlclose(l.handle) }
