// Command renamed keeps a library of its own that looks up functions one by one.
package main

import "golang.org/x/sys/windows"

var (
	sockets = windows.NewLazySystemDLL("ws2_32.dll")
	connect = sockets.NewProc("connect")
)

func main() { _, _, _ = connect.Call(0, 0, 0) }
