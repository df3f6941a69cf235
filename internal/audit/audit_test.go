package audit_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/audit"
	"byok/internal/bundle"
	"byok/internal/fingerprint"
	"byok/internal/testkit/held"
)

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFolder(t *testing.T) {
	h := held.Hold(t)
	dir := h.Bundle(t, "")
	r := audit.Folder(dir, fingerprint.Whole(h.Chain.HKNSO()))
	for _, l := range r.Lines {
		if !l.Pass {
			t.Errorf("%s: %s", l.What, l.Says)
		}
	}
	if r.World != "Contoso" || r.Statement != 5 || r.HKNSO != h.Chain.HKNSO() || len(r.Lines) < 12 {
		t.Errorf("%+v", r)
	}
	if out, err := script(dir, h.Chain.HKNSO().String()); err != nil || strings.Contains(out, "FAIL") {
		t.Errorf("check.sh: %v\n%s", err, out)
	}
	if r := audit.Folder(dir, fingerprint.Whole(fingerprint.Of(nil))); r.Failed() != 1 {
		t.Errorf("another hknso: %+v", r.Lines)
	}
	if out, err := script(dir, fingerprint.Of(nil).String()); err == nil {
		t.Errorf("check.sh takes another hknso:\n%s", out)
	}
}

// script runs the bundle's own script.
func script(dir string, words ...string) (string, error) {
	out, err := exec.Command("sh", append([]string{filepath.Join(dir, bundle.Script)}, words...)...).CombinedOutput()
	return string(out), err
}

// damage is a way to change a bundle's files by somebody who can make the list
// of hashes again, and is without a module's signing key.
type damage struct {
	name string
	make func(f bundle.Files, name string) bool // false where there is nothing to change
}

func damages() []damage {
	return []damage{
		{"a byte of it flipped", func(f bundle.Files, name string) bool {
			data := slices.Clone(f[name])
			data[len(data)/2] ^= 1
			f[name] = data
			return true
		}},
		{"removed", func(f bundle.Files, name string) bool {
			delete(f, name)
			return true
		}},
		{"its last line cut", func(f bundle.Files, name string) bool {
			lines := strings.SplitAfter(strings.TrimSuffix(string(f[name]), "\n"), "\n")
			f[name] = []byte(strings.Join(lines[:len(lines)-1], ""))
			return len(lines) > 1
		}},
	}
}

// TestDamage damages each file in each way, alone and with a new list of hashes:
// the audit and the script must both fail.
func TestDamage(t *testing.T) {
	h := held.Hold(t)
	good := must(bundle.Read(h.Bundle(t, "")))(t)
	tried, found := 0, 0
	for _, name := range slices.Sorted(maps.Keys(good)) {
		for _, d := range damages() {
			for _, relisted := range []bool{false, true} {
				files := maps.Clone(good)
				if !d.make(files, name) || relisted && (name == bundle.Sums || name == bundle.Signature) {
					continue
				}
				tried++
				if caught(t, name+": "+d.name, files, relisted) {
					found++
				}
			}
		}
	}
	t.Logf("damaged bundles found: %d of %d", found, tried)
	if tried < 100 {
		t.Errorf("only %d damages were tried", tried)
	}
}

// caught reports whether the audit fails for files; and the script, for those
// damages that a new list covers up.
func caught(t *testing.T, what string, files bundle.Files, relisted bool) bool {
	t.Helper()
	dir := t.TempDir()
	if relisted {
		listed := maps.Clone(files)
		delete(listed, bundle.Sums)
		delete(listed, bundle.Signature)
		files[bundle.Sums] = listed.List()
	}
	for name, data := range files {
		at := filepath.Join(dir, name)
		check(t, os.MkdirAll(filepath.Dir(at), 0o755))
		check(t, os.WriteFile(at, data, 0o644))
	}
	if audit.Folder(dir, fingerprint.Prefix{}).Failed() == 0 {
		t.Errorf("%s: the audit finds nothing", what)
		return false
	}
	if _, there := files[bundle.Script]; !there || !relisted || strings.HasSuffix(what, ": removed") {
		return true
	}
	if out, err := script(dir); err == nil {
		t.Errorf("%s: check.sh finds nothing\n%s", what, out)
		return false
	}
	return true
}
