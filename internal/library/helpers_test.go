package library

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// failure is an error as the user meets it.
type failure struct {
	text string
	code exitcode.Code
	hint string
}

func expect(t *testing.T, err error, want failure) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %s", want.text)
		return
	}
	if got := (failure{err.Error(), exitcode.Of(err), exitcode.HintOf(err)}); got != want {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

// installed finds a library that Debian puts into one of several folders. A
// test without it fails: it is never skipped.
func installed(t *testing.T, name, debian string) string {
	t.Helper()
	for _, folder := range []string{"/usr/lib", "/usr/lib/*", "/usr/lib/*/*", "/usr/lib64", "/usr/lib64/*"} {
		if found, _ := filepath.Glob(folder + "/" + name); len(found) > 0 {
			return found[0]
		}
	}
	t.Fatalf("%s is not installed, and these tests need it: apt-get install %s", name, debian)
	return ""
}

func softHSM(t *testing.T) string { return installed(t, "libsofthsm2.so", "softhsm2") }

// clean takes every variable of the table, and HOME, out of the environment.
func clean(t *testing.T) {
	t.Helper()
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		if name == "HOME" || Listed(name) {
			t.Setenv(name, value) // to have it back
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Setenv("HOME", "/nonexistent")
}

// put writes a file below the test's folder and returns its path.
func put(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// copyOf puts a copy of a library at path.
func copyOf(t *testing.T, library, path string) string {
	t.Helper()
	data, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	return put(t, path, string(data))
}

func link(t *testing.T, target, path string) string {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// sha256sum is the judge of hashes.
func sha256sum(t *testing.T, path string) fingerprint.Sum {
	t.Helper()
	out, err := exec.Command("sha256sum", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	sum, err := fingerprint.Parse(strings.Fields(string(out))[0])
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func identify(t *testing.T, path string) Identity {
	t.Helper()
	id, err := Identify(path)
	if err != nil {
		t.Fatal(err)
	}
	return id
}
