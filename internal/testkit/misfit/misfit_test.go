//go:build unix

package misfit

import (
	"os"
	"regexp"
	"testing"

	"byok/internal/durable"
)

// TestKinds: each kind is what it is called, and the file comes back.
func TestKinds(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/file"
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, k := range Kinds(t) {
		for _, p := range []string{path, dir + "/none"} {
			restore := k.Put(t, p)
			_, err := durable.ReadFile(p, 10)
			if err == nil || !regexp.MustCompile("^"+regexp.QuoteMeta(p)+": "+k.Says+"$").MatchString(err.Error()) {
				t.Errorf("%s: %v", k.Name, err)
			}
			restore()
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != "mine" {
			t.Errorf("%s: %q, %v", k.Name, data, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}
