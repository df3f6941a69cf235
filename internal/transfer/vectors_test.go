package transfer_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/transfer"
)

const kid = "https://contoso.vault.azure.net/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8"

// The vectors in testdata/blob are made by testdata/generate, with openssl and
// python3; those in testdata/package by "go test -run TestUpdate -update".
//
// A folder of package/valid holds a package and, in hknso, those under which it
// verifies, one a line. A folder of package/invalid holds the files in which
// the package "base" of package/valid differs, with one fault; in "removed" the
// files that are gone; and in "want" the error. Where it has a file hknso,
// nothing but that is wrong.

// vectors returns the files that match pattern below testdata. A pattern that
// matches none would make a test that passes without testing.
func vectors(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	check(t, err)
	if len(paths) == 0 {
		t.Fatalf("no vectors: testdata/%s", pattern)
	}
	return paths
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	return must(os.ReadFile(path))(t)
}

// wanted is the error text that belongs to the vector at path.
func wanted(t testing.TB, path string) string {
	t.Helper()
	return string(read(t, strings.TrimSuffix(path, filepath.Ext(path))+".want"))
}

// refused fails the test unless err has exactly the text want.
func refused(t testing.TB, what string, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("%s:\n got %v\nwant %s", what, err, want)
	}
}

// status fails the test unless err has the status.
func status(t testing.TB, what string, err error, code exitcode.Code) {
	t.Helper()
	if exitcode.Of(err) != code {
		t.Errorf("%s: status %d, want %d: %v", what, exitcode.Of(err), code, err)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		check(t, err)
		return value
	}
}

// bundle is the files of a package by their names, without a folder.
type bundle map[string][]byte

// bundleOf reads the files of a folder.
func bundleOf(t testing.TB, dir string) bundle {
	t.Helper()
	b := bundle{}
	for _, e := range must(os.ReadDir(dir))(t) {
		b[e.Name()] = read(t, filepath.Join(dir, e.Name()))
	}
	return b
}

// put writes the files into a new folder and returns the path of the .byok.
func (b bundle) put(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	path := ""
	for name, data := range b {
		check(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
		if strings.HasSuffix(name, ".byok") {
			path = filepath.Join(dir, name)
		}
	}
	if path == "" {
		return filepath.Join(dir, stem+".byok")
	}
	return path
}

// end returns the file whose name ends so.
func (b bundle) end(suffix string) string {
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if strings.HasSuffix(name, suffix) {
			return name
		}
	}
	return stem + suffix
}

const stem = "KeyTransferPackage-contoso-key"

// vector is a package of testdata and what is said of it.
type vector struct {
	bundle
	hknso []fingerprint.Sum
	want  string
}

func sums(t testing.TB, text []byte) (list []fingerprint.Sum) {
	t.Helper()
	for _, line := range strings.Fields(string(text)) {
		var sum fingerprint.Sum
		check(t, sum.UnmarshalText([]byte(line)))
		list = append(list, sum)
	}
	return list
}

// valid reads a vector of package/valid.
func valid(t testing.TB, name string) vector {
	t.Helper()
	v := vector{bundle: bundleOf(t, filepath.Join("testdata/package/valid", name))}
	v.hknso = sums(t, v.bundle["hknso"])
	delete(v.bundle, "hknso")
	return v
}

// invalid reads a vector of package/invalid.
func invalid(t testing.TB, name string) vector {
	t.Helper()
	changed := bundleOf(t, filepath.Join("testdata/package/invalid", name))
	v := valid(t, strings.TrimSpace(string(changed["base"])))
	v.want = string(changed["want"])
	if text, ok := changed["hknso"]; ok {
		v.hknso = sums(t, text)
	}
	for _, gone := range strings.Fields(string(changed["removed"])) {
		delete(v.bundle, gone)
	}
	for name, data := range changed {
		if name != "base" && name != "want" && name != "removed" && name != "hknso" {
			v.bundle[name] = data
		}
	}
	return v
}

// verified reads and verifies the package at path.
func verified(path string, hknso fingerprint.Sum) (transfer.Approved, error) {
	p, err := transfer.ReadPackage(path)
	if err != nil {
		return transfer.Approved{}, err
	}
	return p.Verify(hknso)
}
