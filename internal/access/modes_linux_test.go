package access

import (
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestKeepsModes asks a file system that is taken for one without modes, and
// itself.
func TestKeepsModes(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !keepsModes(f) {
		t.Fatal("the temporary folder is on a file system without modes")
	}
	var about unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &about); err != nil {
		t.Fatal(err)
	}
	before := modeless
	modeless = append(slices.Clone(modeless), uint32(about.Type))
	defer func() { modeless = before }()
	if keepsModes(f) {
		t.Errorf("file system %#x keeps modes", about.Type)
	}
	const want = "chmod changes nothing on its file system; put a copy on another one, such as /dev/shm, with mode 600"
	if cure := Cure(f); cure != want {
		t.Errorf("%q", cure)
	}
	_ = f.Close()
	if !keepsModes(f) {
		t.Error("what cannot be asked keeps no modes")
	}
}
