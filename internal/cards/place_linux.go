package cards

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Place asks statx(2), which knows whether a folder is the root of a mount
// (since Linux 5.8); an older kernel is asked for the folder above.
func (f folder) Place() (Place, error) {
	if _, err := f.stat(); err != nil {
		return Place{}, err
	}
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, string(f), 0, unix.STATX_INO, &st); err != nil {
		return Place{}, fmt.Errorf("%s: %w", f, err)
	}
	place := Place{
		Device:  device(st),
		Spot:    fmt.Sprint(st.Ino),
		Mounted: st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0,
	}
	if st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		place.Mounted = f.differsFromAbove(place.Device)
	}
	return place, nil
}

// device returns the number of the device the file is on.
func device(st unix.Statx_t) string { return fmt.Sprintf("%d:%d", st.Dev_major, st.Dev_minor) }

// differsFromAbove reports whether the folder above is on another device.
func (f folder) differsFromAbove(own string) bool {
	target, err := filepath.EvalSymlinks(string(f))
	if err != nil {
		return false
	}
	var above unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, filepath.Join(target, ".."), 0, unix.STATX_INO, &above); err != nil {
		return false
	}
	return device(above) != own
}
