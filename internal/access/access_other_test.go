//go:build !windows

package access

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestOthers(t *testing.T) {
	for _, c := range []struct {
		name   string
		mode   os.FileMode
		any    string // who has a right to it
		change string // who may change it
	}{
		{"its owner's", 0o600, "", ""},
		{"read-only", 0o400, "", ""},
		{"read by all", 0o644, "mode 0644", ""},
		{"run by all", 0o711, "mode 0711", ""},
		{"written by its group", 0o620, "mode 0620", "mode 0620"},
		{"written by all", 0o602, "mode 0602", "mode 0602"},
	} {
		f := made(t, c.mode)
		for right, want := range map[Right]string{Any: c.any, Change: c.change} {
			if who, err := Others(f, right); err != nil || who != want {
				t.Errorf("%s, right %d: %q, %v, not %q", c.name, right, who, err, want)
			}
		}
	}
	f := made(t, 0o600)
	_ = f.Close()
	if who, err := Others(f, Any); err == nil {
		t.Errorf("a closed file: %q and no error", who)
	}
}

func TestOwned(t *testing.T) {
	f := made(t, 0o600)
	if ours, err := Owned(f); err != nil || !ours {
		t.Errorf("a file that was just made: %v, %v", ours, err)
	}
	of, err := os.Open("/proc/1/status") // is process 1's user's, which is root
	if err != nil {
		t.Fatal(err)
	}
	defer of.Close()
	if ours, err := Owned(of); err != nil || ours != (os.Geteuid() == 0) {
		t.Errorf("a file of root's: %v, %v", ours, err)
	}
	_ = f.Close()
	if _, err := Owned(f); err == nil {
		t.Error("a closed file: no error")
	}
}

func TestCure(t *testing.T) {
	f := made(t, 0o644)
	if cure := Cure(f); cure != "chmod 600 "+f.Name() {
		t.Errorf("%q", cure)
	}
}

func TestCreate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if err := Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	deep := filepath.Join(dir, "a", "b")
	if err := MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "f")
	f, err := Create(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for path, want := range map[string]os.FileMode{dir: 0o700, deep: 0o700, path: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if _, err := Create(path, 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second file of that name: %v", err)
	}
	if err := Mkdir(dir, 0o700); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second folder of that name: %v", err)
	}
}

// made makes a file of a mode, whatever the umask.
func made(t *testing.T, mode os.FileMode) *os.File {
	t.Helper()
	path := t.TempDir() + "/f"
	if err := os.WriteFile(path, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := f.Chmod(mode); err != nil {
		t.Fatal(err)
	}
	return f
}
