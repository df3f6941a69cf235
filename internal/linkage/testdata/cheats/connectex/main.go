// Command connectex uses what Go's files bring with them.
package main

import "syscall"

func main() {
	socket, _ := syscall.Socket(2, 1, 0)
	_ = syscall.ConnectEx(socket, &syscall.SockaddrInet4{Port: 80}, nil, 0, nil, nil)
}
