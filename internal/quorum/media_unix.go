//go:build unix

package quorum

import (
	"io/fs"
	"syscall"
)

// device returns the number of the device the file is on.
func device(info fs.FileInfo) (uint64, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return uint64(stat.Dev), true
}
