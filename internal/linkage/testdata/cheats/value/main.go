// Command value calls the kernel through a function value.
package main

import "syscall"

var call = syscall.RawSyscall

func main() { call(syscall.SYS_SOCKET, 2, 1, 0) }
