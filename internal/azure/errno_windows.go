package azure

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// What Windows says of a connection that was cut, that no one listens for, and
// that has no way to its host: its own numbers, not those of package syscall.
var (
	cut       = []syscall.Errno{windows.WSAECONNRESET, windows.WSAECONNABORTED}
	refused   = []syscall.Errno{windows.WSAECONNREFUSED}
	routeless = []syscall.Errno{windows.WSAENETUNREACH, windows.WSAEHOSTUNREACH}
)
