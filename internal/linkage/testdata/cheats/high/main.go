// Command high opens a socket by a number that is too large, of which the kernel
// takes the lower half.
package main

import "syscall"

func main() { _, _, _ = syscall.RawSyscall(syscall.SYS_SOCKET|1<<32, 2, 1, 0) }
