package transfer_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"byok/internal/statement"
	"byok/internal/transfer"
)

func itoa(n int) string { return strconv.Itoa(n) }

// entryPoints are all the ways by which bytes from outside come in. Each gives
// the canonical encoding of what it has understood.
func entryPoints() map[string]func([]byte) ([]byte, error) {
	return map[string]func([]byte) ([]byte, error){
		"transfer.ParseBlob": func(data []byte) ([]byte, error) {
			b, err := transfer.ParseBlob("file", data)
			if err != nil {
				return nil, err
			}
			return b.Marshal()
		},
		"transfer.ParseManifest": func(data []byte) ([]byte, error) {
			m, err := transfer.ParseManifest("file", data)
			if err != nil {
				return nil, err
			}
			return m.Marshal()
		},
		"statement.Parse": func(data []byte) ([]byte, error) {
			s, err := statement.Parse("file", data)
			if err != nil {
				return nil, err
			}
			return statement.Encode(s)
		},
	}
}

// readsAt is the one entry point that accepts the vector at path, or "".
func readsAt(path string) string {
	switch {
	case strings.Contains(path, "/invalid/"):
		return ""
	case strings.HasSuffix(path, ".byok"):
		return "transfer.ParseBlob"
	case strings.HasSuffix(path, ".manifest.json"):
		return "transfer.ParseManifest"
	case strings.HasSuffix(path, ".json"):
		return "statement.Parse"
	}
	return ""
}

// Every vector goes through every entry point; only its own may accept it, and
// what it gives must parse to itself.
func TestEveryVectorEverywhere(t *testing.T) {
	accepted := map[string]int{}
	for path, data := range everyVector(t) {
		for name, parse := range entryPoints() {
			again, err := parse(data)
			if strings.Contains(path, "/package/invalid/") {
				continue // single files of these are valid; they only must not panic
			}
			if (err == nil) != (name == readsAt(path)) {
				t.Errorf("%s of %s: %v", name, path, err)
			}
			if err != nil {
				continue
			}
			accepted[name]++
			if third, err := parse(again); err != nil || !bytes.Equal(third, again) {
				t.Errorf("%s of %s does not come to rest: %v", name, path, err)
			}
		}
	}
	for name := range entryPoints() {
		if accepted[name] == 0 {
			t.Errorf("%s has accepted no vector", name)
		}
	}
}

// everyVector gives every file in testdata.
func everyVector(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	check(t, filepath.WalkDir("testdata", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path, "testdata/fuzz/") {
			return err
		}
		all[path], err = os.ReadFile(path)
		return err
	}))
	return all
}

// No cut of a valid file is valid: a stick pulled out too early shows.
func TestEveryCutIsRefused(t *testing.T) {
	const dir = "testdata/package/valid/replaced/" + stem
	for _, path := range []string{
		"testdata/blob/valid/canonical.byok", dir + ".manifest.json", dir + ".authorization.json", dir + ".cards-2.json",
	} {
		data, parse := bytes.TrimSpace(read(t, path)), entryPoints()[readsAt(path)]
		for n := range data {
			if _, err := parse(data[:n]); err == nil {
				t.Errorf("%s: its first %d bytes are accepted", path, n)
			}
		}
	}
}

// The corpus of each fuzz test is its vectors.

func FuzzParseBlob(f *testing.F) {
	for _, path := range append(vectors(f, "blob/valid/*.byok"), vectors(f, "blob/invalid/*.byok")...) {
		f.Add(read(f, path))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := transfer.ParseBlob("f", data)
		if err != nil {
			return
		}
		canonical, err := b.Marshal()
		if err != nil {
			t.Fatalf("what parses does not encode: %v", err)
		}
		again, err := transfer.ParseBlob("f", canonical)
		if err != nil || !reflect.DeepEqual(again, b) {
			t.Fatalf("%+v is then %+v, %v", b, again, err)
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	for _, path := range vectors(f, "package/*/*/*.manifest.json") {
		f.Add(read(f, path))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := transfer.ParseManifest("f", data)
		if err != nil {
			return
		}
		if again, err := m.Marshal(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("re-encodes otherwise: %v\n%s", err, again)
		}
	})
}
