// Command wide has the name of a library in UTF-16.
package main

import (
	"syscall"
	"unsafe"
)

var name = [...]uint16{'W', 'i', 'n', 'H', 't', 't', 'p', '.', 'd', 'l', 'l', 0}

func main() {
	load := syscall.NewLazyDLL("kernel32.dll").NewProc("LoadLibraryW")
	_, _, _ = load.Call(uintptr(unsafe.Pointer(&name)))
}
