// Command lazydll loads Winsock by its name.
package main

import "syscall"

func main() {
	socket := syscall.NewLazyDLL("ws2_32.dll").NewProc("socket")
	_, _, _ = socket.Call(2, 1, 0)
}
