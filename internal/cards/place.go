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
	var there []Medium // each socket once: media that are still to come are held to this when they come
	for _, m := range media {
		if t, is := m.(turn); is {
			t.kmdata, t.rehearsal = kmdata, rehearsal
		}
		if !Awaited(m) {
			there = append(there, m)
		}
	}
	return checkPlaces(there, kmdata, rehearsal)
}

func checkPlaces(media []Medium, kmdata string, rehearsal bool) error {
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
	return checkOwn(media, places, []disk{{"/", "this workstation"}, {nearest(kmdata), "kmdata"}})
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

// disk is a disk of the workstation, by a folder on it, and its name in messages.
type disk struct{ folder, name string }

// checkOwn refuses cards on the workstation's disks.
func checkOwn(media []Medium, places []Place, own []disk) error {
	for _, d := range own {
		at, err := Folder(d.folder).Place()
		if err != nil {
			return err
		}
		for i, m := range media {
			if err := away(m, places[i], d, at); err != nil {
				return err
			}
		}
	}
	for i, m := range media {
		if !places[i].Mounted {
			return exitcode.Errorf(exitcode.Refused, "%s: nothing is mounted there; it is a folder of another medium", m).
				Hint("give the folder on which the holder's medium is mounted")
		}
	}
	return nil
}

// away refuses a medium that is on one disk of the workstation.
func away(m Medium, p Place, d disk, at Place) error {
	switch {
	case !p.sameMedium(at):
		return nil
	case !p.Mounted:
		return exitcode.Errorf(exitcode.Refused, "%s: nothing is mounted there; it is a folder on the disk of %s", m, d.name).
			Hint("mount the holder's medium; only a rehearsal may keep cards on the workstation")
	}
	return exitcode.Errorf(exitcode.Refused, "%s is the medium that holds %s: a card needs its own", m, d.name).
		Hint("give each card its own medium")
}
