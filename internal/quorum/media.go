package quorum

import (
	"io/fs"
	"os"

	"byok/internal/exitcode"
)

// CheckMedia refuses card folders that do not each lie on their own medium,
// that is, have their own device number (two partitions of one stick count as
// two). A rehearsal may keep all its cards on one medium, but not two in one
// folder. Every refusal has status Refused.
func CheckMedia(dirs []string, rehearsal bool) error {
	infos := make([]fs.FileInfo, len(dirs))
	for i, dir := range dirs {
		info, err := folder(dir)
		if err != nil {
			return err
		}
		infos[i] = info
		for j, other := range infos[:i] {
			if os.SameFile(info, other) {
				return exitcode.Errorf(exitcode.Refused, "%s and %s are one folder: each card needs its own", dirs[j], dir)
			}
			if !rehearsal && sameDevice(info, other) {
				return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s and %s are on one medium: whoever holds it would hold two cards", dirs[j], dir),
					"give each card its own medium; only --rehearsal may share one")
			}
		}
	}
	return nil
}

// sameDevice errs on the side of refusal where the system cannot tell.
func sameDevice(a, b fs.FileInfo) bool {
	deviceA, okA := device(a)
	deviceB, okB := device(b)
	return !okA || !okB || deviceA == deviceB
}
