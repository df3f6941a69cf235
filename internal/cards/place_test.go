//go:build linux

package cards

import (
	"os"
	"path/filepath"
	"testing"

	"byok/internal/exitcode"
)

// at is a medium that is somewhere else than it says.
func at(name string, p Place) Medium { return faulty{Medium: Folder(name), place: &p} }

// usb is the top of a medium of its own.
func usb(name string) Medium { return at(name, Place{Device: name, Spot: "1", Mounted: true}) }

func TestCheckPlacesRefuses(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	link := filepath.Join(two, "link")
	must(t, os.Symlink(one, link))
	gone := filepath.Join(one, "usb")
	kmdata, err := Folder(one).Place()
	must(t, err)
	kmdata.Spot, kmdata.Mounted = "", true
	const (
		oneFolder = "give each card a folder of its own"
		oneMedium = "give each card its own medium; only a rehearsal may share one"
		mount     = "mount the holder's medium; only a rehearsal may keep cards on the workstation"
	)
	for _, c := range []struct {
		name       string
		media      []Medium
		rehearsal  bool
		text, hint string
	}{
		{"one medium", []Medium{usb("a"), at("b", Place{Device: "a", Spot: "2", Mounted: true})}, false,
			"a and b are on one medium: whoever holds it would hold two cards", oneMedium},
		{"first and last", []Medium{usb("a"), usb("b"), at("c", Place{Device: "a", Spot: "2"})}, false,
			"a and c are on one medium: whoever holds it would hold two cards", oneMedium},
		{"the system cannot tell", []Medium{usb("a"), at("b", Place{Spot: "2"})}, false,
			"a and b are on one medium: whoever holds it would hold two cards", oneMedium},
		{"one folder", Folders([]string{one, two, one + "/."}), true,
			one + " and " + one + "/." + " are one folder: each card needs its own", oneFolder},
		{"a link to it", Folders([]string{one, link}), true,
			one + " and " + link + " are one folder: each card needs its own", oneFolder},
		{"one folder, production", []Medium{usb("a"), usb("a")}, false,
			"a and a are one folder: each card needs its own", oneFolder},
		{"not there", Folders([]string{one, gone}), true, gone + ": no such folder", hintMount},
		{"disk of the workstation", Folders([]string{one}), false,
			one + ": nothing is mounted there; it is a folder on the disk of " + diskName(t, one), mount},
		{"medium of kmdata", []Medium{at("a", kmdata)}, false,
			"a is the medium that holds " + diskName(t, one) + ": a card needs its own", "give each card its own medium"},
		{"nothing mounted", []Medium{at("a", Place{Device: "a", Spot: "7"})}, false,
			"a: nothing is mounted there; it is a folder of another medium",
			"give the folder on which the holder's medium is mounted"},
		{"a single card the system cannot place", []Medium{at("a", Place{})}, false,
			"a: nothing is mounted there; it is a folder on the disk of this workstation", mount},
	} {
		err := CheckPlaces(c.media, filepath.Join(one, "kmdata", "not", "made", "yet"), c.rehearsal)
		expect(t, c.name, err, failure{c.text, exitcode.Refused, c.hint})
	}
}

// diskName is how messages call the disk of a folder for temporary files.
func diskName(t *testing.T, dir string) string {
	t.Helper()
	root, err := Folder("/").Place()
	must(t, err)
	own, err := Folder(dir).Place()
	must(t, err)
	if own.sameMedium(root) {
		return "this workstation"
	}
	return "kmdata"
}

// TestKMDataOnAMediumOfItsOwn is refused to a card even if "/" is elsewhere.
func TestKMDataOnAMediumOfItsOwn(t *testing.T) {
	err := CheckPlaces(Folders([]string{"/proc"}), "/proc", false)
	expect(t, "kmdata's medium", err, failure{"/proc is the medium that holds kmdata: a card needs its own",
		exitcode.Refused, "give each card its own medium"})
	err = CheckPlaces(Folders([]string{"/proc/self"}), "/proc/1/kmdata", false)
	expect(t, "a folder on it", err, failure{
		"/proc/self: nothing is mounted there; it is a folder on the disk of kmdata", exitcode.Refused,
		"mount the holder's medium; only a rehearsal may keep cards on the workstation"})
}

func TestCheckPlacesTakes(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	for _, c := range []struct {
		name      string
		media     []Medium
		rehearsal bool
	}{
		{"production", Folders([]string{"/proc", "/sys"}), false},
		{"through a link", Folders([]string{linkTo(t, "/proc")}), false},
		{"rehearsal on one disk", Folders([]string{one, two}), true},
		{"no cards", nil, false},
	} {
		if err := CheckPlaces(c.media, one, c.rehearsal); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func linkTo(t *testing.T, dir string) string {
	t.Helper()
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(dir, link))
	return link
}

func TestPlace(t *testing.T) {
	for _, c := range []struct {
		dir     string
		mounted bool
	}{{"/", true}, {"/proc", true}, {"/proc/self", false}, {t.TempDir(), false}} {
		p, err := Folder(c.dir).Place()
		if err != nil || p.Mounted != c.mounted || p.Device == "" || p.Spot == "" {
			t.Errorf("%s: %+v, %v", c.dir, p, err)
		}
		if c.dir != "/" { // which has no folder above
			if above := folder(c.dir).differsFromAbove(p.Device); above != c.mounted {
				t.Errorf("%s, on an old kernel: %v", c.dir, above)
			}
		}
	}
	if folder("/nowhere").differsFromAbove("1:2") {
		t.Error("a folder that is not there is mounted")
	}
}
