// Command rawsocket opens a socket without package net.
package main

import "syscall"

func main() {
	fd, _, _ := syscall.RawSyscall(syscall.SYS_SOCKET, 2, 1, 0)
	address := [16]byte{0: 2, 3: 80, 4: 192, 6: 2, 7: 1}
	_ = syscall.Close(int(fd) + len(address))
}
