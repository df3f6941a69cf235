package transfer

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// entryPoints are all the ways by which bytes from outside come in. Each gives
// the canonical encoding of what it has understood.
func entryPoints() map[string]func([]byte) ([]byte, error) {
	return map[string]func([]byte) ([]byte, error){
		"ParseBlob": func(data []byte) ([]byte, error) {
			b, err := ParseBlob("file", data)
			if err != nil {
				return nil, err
			}
			return b.Marshal()
		},
		"ParseManifest": func(data []byte) ([]byte, error) {
			m, err := ParseManifest("file", data)
			if err != nil {
				return nil, err
			}
			return m.Marshal()
		},
	}
}

// readsAt is the one entry point that takes the vector at path, or "".
func readsAt(path string) string {
	switch end := filepath.Ext(path); {
	case strings.Contains(path, "/invalid/"):
		return ""
	case end == ".byok":
		return "ParseBlob"
	case end == ".json":
		return "ParseManifest"
	}
	return ""
}

// Every vector goes through every entry point; only its own may take it, and
// what it gives must parse to itself.
func TestEveryVectorEverywhere(t *testing.T) {
	taken := map[string]int{}
	for path, data := range everyVector(t) {
		for name, parse := range entryPoints() {
			again, err := parse(data)
			expected := name == readsAt(path)
			if strings.Contains(path, "/package/invalid/") {
				continue // single files of these are valid; they only must not panic
			}
			if (err == nil) != expected {
				t.Errorf("%s of %s: %v", name, path, err)
			}
			if err != nil {
				continue
			}
			taken[name]++
			if third, err := parse(again); err != nil || !bytes.Equal(third, again) {
				t.Errorf("%s of %s does not come to rest: %v", name, path, err)
			}
		}
	}
	for _, name := range []string{"ParseBlob", "ParseManifest"} {
		if taken[name] == 0 {
			t.Errorf("%s has taken no vector", name)
		}
	}
}

// everyVector gives every file in testdata.
func everyVector(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir("testdata", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path, "testdata/fuzz/") {
			return err
		}
		all[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// No cut of a valid file is valid: a stick pulled out too early shows.
func TestEveryCutIsRefused(t *testing.T) {
	for _, path := range []string{
		"testdata/blob/valid/canonical.byok", "testdata/manifest/valid/p256.json",
	} {
		data, parse := bytes.TrimSpace(read(t, path)), entryPoints()[readsAt(path)]
		for n := range data {
			if _, err := parse(data[:n]); err == nil {
				t.Errorf("%s: its first %d bytes are taken", path, n)
			}
		}
	}
}
