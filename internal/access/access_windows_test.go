package access

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/windows"
)

func TestStranger(t *testing.T) {
	for _, c := range []struct {
		name   string
		list   string // in the language of security descriptors (SDDL)
		any    string // who has a right to it
		change string // who may change it
	}{
		{"the system's and its administrators'", "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)", "", ""},
		{"read by everyone", "D:P(A;;FA;;;BA)(A;;FR;;;WD)", "Everyone", ""},
		{"changed by everyone", "D:P(A;;FA;;;BA)(A;;FA;;;WD)", "Everyone", "Everyone"},
		{"appended to by users", "D:P(A;;FA;;;BA)(A;;0x4;;;BU)", `BUILTIN\Users`, `BUILTIN\Users`},
		{"denied too late", "D:P(A;;FR;;;WD)(D;;FR;;;WD)", "Everyone", ""},
		{"for what is below alone", "D:P(A;;FA;;;BA)(A;OIIO;FR;;;WD)", "", ""},
	} {
		about, err := windows.SecurityDescriptorFromString(c.list)
		if err != nil {
			t.Fatal(err)
		}
		list, _, err := about.DACL()
		if err != nil {
			t.Fatal(err)
		}
		trusted, err := trustees()
		if err != nil {
			t.Fatal(err)
		}
		for right, want := range map[Right]string{Any: c.any, Change: c.change} {
			if who, err := stranger(list, masks[right], trusted); err != nil || who != want {
				t.Errorf("%s, right %d: %q, %v, not %q", c.name, right, who, err, want)
			}
		}
	}
}

// TestCreate makes a folder and a file that are this user's alone.
func TestCreate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if err := Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	deep := filepath.Join(dir, "a", "b")
	for range 2 {
		if err := MkdirAll(deep, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := os.Open(deep)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if who, err := Others(folder, Any); err != nil || who != "" {
		t.Errorf("a folder: %q, %v", who, err)
	}
	path := filepath.Join(dir, "f")
	made, err := Create(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	if _, err := made.WriteString("hunter2"); err != nil {
		t.Error(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if who, err := Others(f, Any); err != nil || who != "" {
		t.Errorf("%q, %v", who, err)
	}
	if _, err := Create(path, 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second file of that name: %v", err)
	}
	if err := MkdirAll(filepath.Join(path, "below"), 0o700); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("a folder below a file: %v", err)
	}
	if err := Mkdir(dir, 0o700); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second folder of that name: %v", err)
	}
}

// TestCure has everyone read a file.
func TestCure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := give(path, "D:P(A;;FA;;;BA)(A;;FA;;;WD)"); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if who, err := Others(f, Any); err != nil || who != "Everyone" {
		t.Fatalf("%q, %v", who, err)
	}
	cure := Cure(f)
	if want := `icacls "` + path + `" /inheritance:r /grant:r `; !strings.HasPrefix(cure, want) {
		t.Errorf("%q does not begin with %q", cure, want)
	}
}

// give gives a file the access list of a descriptor.
func give(path, descriptor string) error {
	about, err := windows.SecurityDescriptorFromString(descriptor)
	if err != nil {
		return err
	}
	list, _, err := about.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
}
