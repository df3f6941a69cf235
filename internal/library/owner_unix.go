//go:build unix

package library

import (
	"fmt"
	"io/fs"
	"syscall"

	"byok/internal/printable"
)

// hands are those in which a library must be.
const hands = "root's hands"

// ownerRules is the table. In a sticky folder such as /tmp everybody can add
// files, and exchange none but their own: enough for a rehearsal.
var ownerRules = []ownerRule{
	{
		broken: func(_ string, info fs.FileInfo) string {
			return when(ownerOf(info) != 0, "belongs to user %d", ownerOf(info))
		},
		accepted: func(user int, _ string, info fs.FileInfo) bool { return ownerOf(info) == user },
		cure: func(place string, info fs.FileInfo) string {
			if info.IsDir() {
				return elsewhere
			}
			return "chown root:root " + printable.Quote(place)
		},
	},
	{
		broken: func(_ string, info fs.FileInfo) string {
			return when(info.Mode()&0o022 == 0o020, "can be written by its group")
		},
		accepted: func(int, string, fs.FileInfo) bool { return true },
		cure:     func(place string, _ fs.FileInfo) string { return "chmod g-w " + printable.Quote(place) },
	},
	{
		broken: func(_ string, info fs.FileInfo) string {
			return when(info.Mode()&0o002 != 0, "can be written by everyone")
		},
		accepted: func(_ int, _ string, info fs.FileInfo) bool { return sticky(info) },
		cure: func(place string, info fs.FileInfo) string {
			if sticky(info) {
				return elsewhere
			}
			return "chmod go-w " + printable.Quote(place)
		},
	},
}

// elsewhere is the hint where a folder cannot become root's.
const elsewhere = "put the file into a folder that only root can write, such as /etc or /opt, and name it there"

func sticky(info fs.FileInfo) bool { return info.IsDir() && info.Mode()&fs.ModeSticky != 0 }

// when returns the text if the condition holds, and "" otherwise.
func when(condition bool, format string, args ...any) string {
	if !condition {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

// ownerOf returns the user id of a file's owner, or -1.
func ownerOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
}
