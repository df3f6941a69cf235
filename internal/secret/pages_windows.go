package secret

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// pageSize is that of Windows on amd64 and arm64, in bytes.
const pageSize = 4096

// lockedPages takes fresh pages outside the Go heap, so that no copy is made by
// the garbage collector. Where Windows does not lock them, they still serve;
// "confine status" says so.
func lockedPages(n int) []byte {
	size := uintptr(n/pageSize+1) * pageSize
	at, err := windows.VirtualAlloc(0, size, windows.MEM_COMMIT|windows.MEM_RESERVE, windows.PAGE_READWRITE)
	if err != nil {
		return make([]byte, n)
	}
	_ = windows.VirtualLock(at, size)
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), size) // not memory of Go's
}

// release gives pages back. A heap slice (see lockedPages) is not an allocation of
// Windows': it refuses the address, and the collector frees it.
func release(page []byte) {
	_ = windows.VirtualFree(uintptr(unsafe.Pointer(unsafe.SliceData(page))), 0, windows.MEM_RELEASE)
}
