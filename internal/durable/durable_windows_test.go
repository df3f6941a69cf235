package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"byok/internal/access"
	"byok/internal/exitcode"
)

// TestNames has names that Windows refuses, changes, or takes for something else.
func TestNames(t *testing.T) {
	const forbidden = `a name on Windows has none of <>:"|?* in it, and no control character`
	const device = "Windows keeps this name for a device"
	const dropped = "Windows would drop the full stop or blank that the name ends with"
	dir := t.TempDir()
	for _, c := range []struct{ name, want string }{
		{"a:b", forbidden}, // a second content of the file a
		{"a?.zip", forbidden},
		{"a\tb", forbidden},
		{"con", device},
		{"NUL.json", device},
		{"com¹.txt", device},
		{"lpt9", device},
		{"a.", dropped},
		{"a ", dropped},
		{"common.json", ""},
		{"a.b c", ""},
	} {
		path := filepath.Join(dir, c.name)
		errs := map[string]error{"file": WriteFile(path, nil, 0o600)}
		if c.want != "" {
			errs["state"] = Replace(path, nil, 0o600)
			errs["folder"] = Folder(path, 0o700)
			_, errs["lock"] = Lock(path, "test")
		}
		for what, err := range errs {
			switch {
			case c.want == "" && err == nil:
			case c.want == "" || !errors.Is(err, ErrUnfit) || what != "lock" && err.Error() != path+" cannot be created: "+c.want:
				t.Errorf("%q, %s: %v", c.name, what, err)
			}
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestReplaceWaits replaces a file that is open for reading: that works once the
// reader has closed it.
func TestReplaceWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	wantOK(t, Replace(path, []byte("old"), 0o600))
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = reader.Close() })
	wantOK(t, Replace(path, []byte("new"), 0o600))
	if data, err := ReadFile(path, 10); err != nil || string(data) != "new" {
		t.Errorf("%q, %v", data, err)
	}
}

// TestReplaceInUse replaces a file that stays open.
func TestReplaceInUse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	wantOK(t, Replace(path, []byte("old"), 0o600))
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := Replace(path, []byte("new"), 0o600); err == nil || !inUse(err) {
		t.Errorf("%v", err)
	}
	wantFiles(t, dir, "state=old")
}

func TestPlacesThatAreNoFolder(t *testing.T) {
	dir := t.TempDir()
	wantOK(t, WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	missing := filepath.Join(dir, "none", "x")
	if _, err := ReadFile(missing, 1); !errors.Is(err, fs.ErrNotExist) || err.Error() != missing+": no such file" {
		t.Errorf("%v", err)
	}
	below := filepath.Join(dir, "file", "x")
	if _, err := ReadFile(below, 1); !errors.Is(err, ErrUnfit) || err.Error() != below+": not a directory" {
		t.Errorf("%v", err)
	}
}

func TestHardLink(t *testing.T) {
	dir := t.TempDir()
	path, second := filepath.Join(dir, "log"), filepath.Join(dir, "second")
	wantOK(t, WriteFile(path, nil, 0o600))
	wantOK(t, os.Link(path, second))
	want := path + " cannot be appended to: it is a hard link; the file has another name too"
	wantErr(t, Touch(path, 0o600), exitcode.Failed, want)
}

// TestLockedFile has a file locked by another, whose name stays readable.
func TestLockedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, err := Lock(path, "byok-online upload, process 1")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Lock(path, "the second")
	wantErr(t, err, exitcode.Refused, path+" is in use by byok-online upload, process 1")
	release()
	release, err = Lock(path, "the third")
	if err != nil {
		t.Fatal(err)
	}
	release()
}

// TestLockedFolder counts in a folder from several sides, by both of its names.
func TestLockedFolder(t *testing.T) {
	dir := t.TempDir()
	var side sync.WaitGroup
	count := 0
	for i := range 20 {
		path := dir
		if i%2 == 0 {
			path = filepath.Join(dir, "..", filepath.Base(dir))
		}
		side.Go(func() {
			unlock, err := lockFolder(path)
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			before := count
			time.Sleep(time.Millisecond)
			count = before + 1
		})
	}
	side.Wait()
	if count != 20 {
		t.Errorf("counted to %d of 20", count)
	}
}

// TestPrivateFile looks at the access list of a file with the mode 0600.
func TestPrivateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	wantOK(t, WriteFile(path, []byte("hunter2"), 0o600))
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if who, err := access.Others(f, access.Any); err != nil || who != "" {
		t.Errorf("%q, %v", who, err)
	}
}
