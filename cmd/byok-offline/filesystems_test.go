package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
)

// sticks are the file systems that a stick comes with, and the ways to mount an
// image of one: by the kernel, or else by the file system in user space that
// scripts/setup.sh installs. IMAGE, LOOP (its block device) and AT are filled in.
var sticks = []struct {
	name   string
	make   string
	mounts []string
	copies []string // names that the copy of kmdata at stick/backup has taken
}{
	{
		"FAT", "mkfs.vfat IMAGE", []string{"mount -t vfat LOOP AT", lossyFAT + " -o rw+ IMAGE AT"},
		[]string{"stick/backup", "stick/BACKUP"},
	},
	{
		"exFAT", "mkfs.exfat IMAGE", []string{"mount -t exfat LOOP AT", "mount.exfat-fuse LOOP AT"},
		[]string{"stick/backup", "stick/BACKUP"},
	},
	{"NTFS", "mkfs.ntfs -F -q IMAGE", []string{"mount -t ntfs3 LOOP AT", "ntfs-3g LOOP AT"}, []string{"stick/backup"}},
}

// lossyFAT is a FAT in user space that loses what is in a folder that is renamed;
// the kernel's does not. A bundle, which comes into place with such a rename, has
// to be found wanting there, and everything else works.
const lossyFAT = "fusefat"

// mounted mounts a new file system at a folder until the test ends, and returns
// the way that could.
func mounted(t *testing.T, mkfs string, mounts []string, at string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("only root can mount a stick: run this test as root")
	}
	image := filepath.Join(t.TempDir(), "image")
	mustWrite(t, image, nil)
	if err := os.Truncate(image, 16<<20); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(at, 0o700); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("IMAGE", image, "AT", at, "LOOP", loopOf(t, image, mkfs))
	failures := []string{}
	for _, line := range mounts {
		out, err := shell(fill.Replace(line))
		if err == nil {
			t.Cleanup(func() { _, _ = shell("umount " + at) })
			return line
		}
		failures = append(failures, line+": "+err.Error()+" "+out)
	}
	t.Fatalf("no way to mount it (scripts/setup.sh test): %s", strings.Join(failures, "; "))
	return ""
}

// loopOf makes the file system, and returns a block device with it.
func loopOf(t *testing.T, image, mkfs string) string {
	t.Helper()
	if out, err := shell(strings.ReplaceAll(mkfs, "IMAGE", image)); err != nil {
		t.Fatalf("%s: %v %s (scripts/setup.sh test)", mkfs, err, out)
	}
	loop, err := shell("losetup -f --show " + image)
	if err != nil {
		t.Fatalf("losetup: %v %s", err, loop)
	}
	loop = strings.TrimSpace(loop)
	t.Cleanup(func() { _, _ = shell("losetup -d " + loop) })
	return loop
}

// shell runs one command of the system, and returns what it printed. A file
// system in user space goes on in the background and keeps no pipe open.
func shell(line string) (string, error) {
	args := strings.Fields(line)
	cmd := exec.Command(args[0], args[1:]...)
	out, err := os.CreateTemp("", "byok-shell-")
	if err != nil {
		return "", err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	text, _ := os.ReadFile(out.Name())
	return string(text), err
}

// TestSticks holds a ceremony with kmdata, the cards, the toolset and the folder
// for packages on a stick, whose file system has no modes, perhaps no hard links
// and no exclusive rename, and takes names of either case for one.
func TestSticks(t *testing.T) {
	for _, stick := range sticks {
		t.Run(stick.name, func(t *testing.T) {
			s := newStage(t)
			way := mounted(t, stick.make, stick.mounts, s.path("stick"))
			for _, name := range []string{"card1", "card2", "card3", "card4", "out"} {
				if err := os.Mkdir(s.path("stick/"+name), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			s.toolsetZip(t)
			for _, line := range stickCeremony() {
				s.must(t, s.filled(t, line), "BYOK_KMDATA=stick/kmdata")
			}
			s.bundleOnStick(t, strings.HasPrefix(way, lossyFAT))
			s.neverOverwrites(t, stick.copies)
			s.noLeftovers(t)
		})
	}
}

// onStick names cards of the stick; their passphrases are not on it.
func onStick(prefix string, cards ...string) (flags string) {
	for _, c := range cards {
		flags += " --" + prefix + "card stick/" + c + " --" + prefix + "card-pin-file secrets/" + c
	}
	return flags
}

func stickCeremony() []string {
	session := withPINs + onStick("", "card1", "card2")
	return []string{
		"world create --module-path SHIM --rehearsal --acs-quorum 2/2 --holder Alice --holder Bob" + session,
		"toolset install --to stick/tools --sha256 $ZIP toolset.zip",
		"key generate --ident k --type EC" + session,
		"acl modify --ident k --key-friendly-name K --approve-unseen $KEK" + session,
		"package --ident k --out stick/out --subscription-id 00000000-0000-0000-0000-000000000000" + withPINs,
		"world check" + session,
		"world replace-cards" + session + onStick("new-", "card3", "card4") +
			" --acs-quorum 2/2 --new-holder Carol --new-holder Dave",
		"world check" + withPINs + onStick("", "card3", "card4"),
		"key list",
		"world backup stick/backup",
	}
}

// bundleOnStick makes a bundle, of which nothing is left where the file system
// empties folders: that must not pass for a bundle.
func (s *stage) bundleOnStick(t *testing.T, emptied bool) {
	t.Helper()
	out := s.run(t, "ceremony bundle --from stick/out --from stick/tools --out stick/bundle"+withPINs,
		"BYOK_KMDATA=stick/kmdata")
	switch lost := []string{"byok-offline: error: stick/bundle/SHA256SUMS: no such file\n"}; {
	case !emptied && out.status != exitcode.Done,
		emptied && (out.status != exitcode.Failed || !slices.Equal(out.errors, lost)):
		t.Errorf("ceremony bundle: status %d\n%s", out.status, out.text)
	}
}

// neverOverwrites has a world refused where one is, and a copy of kmdata under the
// names that are taken.
func (s *stage) neverOverwrites(t *testing.T, copies []string) {
	t.Helper()
	lines := []string{"world create --module-path SHIM --rehearsal --acs-quorum 2/2 --holder Alice --holder Bob" +
		withPINs + onStick("", "card1", "card2")}
	for _, c := range copies {
		lines = append(lines, "world backup "+c)
	}
	for _, line := range lines {
		if out := s.run(t, line, "BYOK_KMDATA=stick/kmdata"); out.status != exitcode.Refused {
			t.Errorf("%s: status %d\n%s", line, out.status, out.text)
		}
	}
}

// noLeftovers searches the stick for temporaries.
func (s *stage) noLeftovers(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(s.path("stick"), func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, ".tmp-") {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestLockedMemory runs commands of a user other than root who may lock no memory
// at all, or 64 kB: the first is warned, the second is not.
func TestLockedMemory(t *testing.T) {
	const warning = "memory cannot be locked"
	for _, test := range []struct {
		limit string
		warns bool
	}{{"0", true}, {"64", false}} {
		t.Run(test.limit, func(t *testing.T) {
			s := newStage(t)
			s.library = forAll(t, s.library)
			s.givenTo(t, 65534)
			under := []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
				"sh", "-c", "ulimit -l " + test.limit + ` && exec "$0" "$@"`}
			session := withPINs + flagsOf("", "card1 card2")
			for _, line := range []string{
				"world create --module-path SHIM --rehearsal --acs-quorum 2/2 --holder Alice --holder Bob" + session,
				"key generate --ident k --type EC" + session,
			} {
				out := s.asUser(t, under, line)
				if out.status != exitcode.Done || strings.Contains(out.text, warning) != test.warns {
					t.Errorf("%s: status %d\n%s", line, out.status, out.text)
				}
			}
		})
	}
}

// forAll copies a library to where any user may read it.
func forAll(t *testing.T, library string) string {
	t.Helper()
	path := filepath.Join(openFolder(t), filepath.Base(library))
	mustWrite(t, path, mustDo(os.ReadFile(library))(t))
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// givenTo makes a user the owner of all that is in the stage.
func (s *stage) givenTo(t *testing.T, user int) {
	t.Helper()
	err := filepath.WalkDir(s.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, user, user)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// asUser runs a line with its supervisor, as whoever under makes of it.
func (s *stage) asUser(t *testing.T, under []string, line string) ending {
	t.Helper()
	cmd := s.command(under, line)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return endingOf(cmd.ProcessState, []byte(stdout.String()), []byte(stderr.String()))
}
