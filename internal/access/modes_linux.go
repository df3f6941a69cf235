package access

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// modeless are the file systems of sticks and shares on which every file has
// the same mode, whatever chmod does: vfat, exFAT, NTFS, SMB, and FUSE, under
// which exfat-fuse and ntfs-3g are (statfs(2), f_type).
var modeless = []uint32{0x4d44, 0x2011bab0, 0x5346544e, 0x7366746e, 0x65735546, 0x517b, 0xfe534d42, 0xff534d42}

// keepsModes reports whether chmod can be expected to help on the file's
// file system. Where that is not known, it can.
func keepsModes(f *os.File) bool {
	var about unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &about); err != nil {
		return true
	}
	return !slices.Contains(modeless, uint32(about.Type))
}
