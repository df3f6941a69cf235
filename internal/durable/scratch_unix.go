//go:build unix

package durable

import (
	"os"
	"syscall"
)

// hasSecondName reports whether a file has a name beside the one it was opened by.
func hasSecondName(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 1
}

// isOurs reports whether a file belongs to the user who runs this program.
func isOurs(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(stat.Uid) == os.Geteuid()
}
