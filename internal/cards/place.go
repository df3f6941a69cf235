package cards

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"byok/internal/exitcode"
)

// Place is where a medium is, as far as the system can tell.
type Place struct {
	Device  string // names the medium: equal for two places on one; "" if the system cannot tell
	Spot    string // names the place on the medium
	Mounted bool   // it is the top of the medium, not a folder on it
}

// same reports whether two places are one. It errs on the side of refusal
// where the system cannot tell.
func (p Place) same(o Place) bool { return p.sameMedium(o) && p.Spot == o.Spot }

func (p Place) sameMedium(o Place) bool {
	return p.Device == "" || o.Device == "" || p.Device == o.Device
}

// CheckPlaces refuses media on which a card would not be in its holder's hand
// alone: two cards on one medium (device number: two partitions of one stick
// count as two media), a card on the disk of this workstation, and one in a
// folder on which nothing is mounted. kmdata stands for the workstation's
// disks, beside "/"; it need not exist yet. A rehearsal may keep all its cards
// on one disk, but not two in one folder. Every refusal has status Refused.
func CheckPlaces(media []Medium, kmdata string, rehearsal bool) error {
	places := make([]Place, len(media))
	for i, m := range media {
		place, err := m.Place()
		if err != nil {
			return err
		}
		places[i] = place
		for j := range i {
			if err := apart(media[j], media[i], places[j], place, rehearsal); err != nil {
				return err
			}
		}
	}
	if rehearsal {
		return nil
	}
	return checkOwn(media, places, []string{"/", nearest(kmdata)})
}

// nearest returns the folder itself, or the one above in which it will be made.
func nearest(dir string) string {
	dir = filepath.Clean(dir)
	for {
		above := filepath.Dir(dir)
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || above == dir {
			return dir
		}
		dir = above
	}
}

// apart refuses two cards on one medium.
func apart(a, b Medium, at, bt Place, rehearsal bool) error {
	if at.same(bt) {
		return exitcode.Errorf(exitcode.Refused, "%s and %s are one folder: each card needs its own", a, b).
			Hint("give each card a folder of its own")
	}
	if !rehearsal && at.sameMedium(bt) {
		return exitcode.Errorf(exitcode.Refused, "%s and %s are on one medium: whoever holds it would hold two cards", a, b).
			Hint("give each card its own medium; only a rehearsal may share one")
	}
	return nil
}

// checkOwn refuses cards on the workstation's disks.
func checkOwn(media []Medium, places []Place, own []string) error {
	for i, m := range media {
		for _, dir := range own {
			disk, err := Folder(dir).Place()
			if err != nil {
				return err
			}
			if err := places[i].away(m, dir, disk); err != nil {
				return err
			}
		}
		if !places[i].Mounted {
			return exitcode.Errorf(exitcode.Refused, "%s is a folder on a medium, not the medium: nothing is mounted there", m).
				Hint("give the folder on which the holder's medium is mounted")
		}
	}
	return nil
}

// away refuses a place on one disk of the workstation.
func (p Place) away(m Medium, dir string, disk Place) error {
	if !p.sameMedium(disk) {
		return nil
	}
	if !p.Mounted {
		return exitcode.Errorf(exitcode.Refused, "%s is on the disk of %s: nothing is mounted there", m, dir).
			Hint("mount the holder's medium there; only a rehearsal may keep cards on the workstation")
	}
	return exitcode.Errorf(exitcode.Refused, "%s is on the disk of %s: a card belongs on a medium of its own", m, dir).
		Hint("give each card its own medium; only a rehearsal may keep cards on the workstation")
}
