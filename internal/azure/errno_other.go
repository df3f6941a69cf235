//go:build !windows

package azure

import "syscall"

// What the system says of a connection that was cut, that no one listens for, and
// that has no way to its host.
var (
	cut       = []syscall.Errno{syscall.ECONNRESET, syscall.EPIPE}
	refused   = []syscall.Errno{syscall.ECONNREFUSED}
	routeless = []syscall.Errno{syscall.ENETUNREACH, syscall.EHOSTUNREACH}
)
