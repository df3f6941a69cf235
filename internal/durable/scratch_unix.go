//go:build unix

package durable

import (
	"os"
	"syscall"
)

// ours returns an error for a file that has a second name or another owner.
func ours(info os.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return nil
	case stat.Nlink > 1:
		return errSecondName
	case int(stat.Uid) != os.Geteuid():
		return errForeign
	}
	return nil
}
