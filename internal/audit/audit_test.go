package audit_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"byok/internal/audit"
	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/stamp"
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

// TestOneLog: in a rehearsal both programs may keep one log; without either's, what
// the connected workstation did is missing.
func TestOneLog(t *testing.T) {
	for _, c := range []struct {
		name, program, want string
	}{
		{"one log", "byok-online", ""},
		{"none of the connected workstation", "byok-offline", "the connected workstation's log is one chain"},
	} {
		h := held.Hold(t)
		check(t, os.RemoveAll(filepath.Join(h.Stick, "connected")))
		log := must(ceremony.Open(h.Dir))(t)
		e := ceremony.Event{Time: stamp.Now(), Program: c.program, Version: "1", Command: "upload", Phase: ceremony.Begin}
		_ = must(log.Append(e))(t)
		var failed []string
		for _, l := range audit.Folder(h.Bundle(t, ""), fingerprint.Prefix{}).Lines {
			if !l.Pass {
				failed = append(failed, l.What)
			}
		}
		if got := strings.Join(failed, "; "); got != c.want {
			t.Errorf("%s: %q fails, want %q", c.name, got, c.want)
		}
	}
}

// script runs the genuine script on a bundle, whatever the bundle's own is.
func script(dir string, words ...string) (string, error) {
	text, err := os.ReadFile("../bundle/check.sh")
	if err != nil {
		return "", err
	}
	return shell(string(text), dir, words...)
}

// shell runs the text of a script as a bundle's own.
func shell(text, dir string, words ...string) (string, error) {
	at := append([]string{"-c", text, filepath.Join(dir, bundle.Script)}, words...)
	out, err := exec.Command("sh", at...).CombinedOutput()
	return string(out), err
}

// untilItFails is the genuine script, ended by the first statement that fails: a
// whole run starts hundreds of processes.
func untilItFails(t *testing.T) string {
	t.Helper()
	const goesOn, ends = `echo "FAIL  $text" && failed=1`, `echo "FAIL  $text" && exit 1`
	text := string(must(os.ReadFile("../bundle/check.sh"))(t))
	if strings.Count(text, goesOn) != 1 {
		t.Fatalf("check.sh has no %s any more", goesOn)
	}
	return strings.Replace(text, goesOn, ends, 1)
}

// damage is a way to change a bundle's files by somebody who can make the list
// of hashes again, and is without a module's signing key. next is the name of
// another file.
type damage struct {
	name  string
	alone bool                                         // with a new list of hashes it is another row's damage
	make  func(f bundle.Files, name, next string) bool // false where there is nothing to change
}

func damages() []damage {
	return []damage{
		{"a byte of it flipped", false, func(f bundle.Files, name, _ string) bool {
			data := slices.Clone(f[name])
			data[len(data)/2] ^= 1
			f[name] = data
			return true
		}},
		{"removed", false, func(f bundle.Files, name, _ string) bool {
			delete(f, name)
			return true
		}},
		{"its last line cut", false, func(f bundle.Files, name, _ string) bool {
			lines := strings.SplitAfter(strings.TrimSuffix(string(f[name]), "\n"), "\n")
			f[name] = []byte(strings.Join(lines[:len(lines)-1], ""))
			return len(lines) > 1
		}},
		{"swapped with the next", true, func(f bundle.Files, name, next string) bool {
			f[name], f[next] = f[next], f[name]
			return string(f[name]) != string(f[next])
		}},
		{"a copy of it added", true, func(f bundle.Files, name, _ string) bool {
			f[name+".copy"] = f[name]
			return true
		}},
	}
}

// TestDamage damages each file in each way, alone and with a new list of hashes:
// the audit and the script must both fail.
func TestDamage(t *testing.T) {
	h := held.Hold(t)
	good := must(bundle.Read(h.Bundle(t, "../plan/testdata/good.yaml")))(t)
	names, text := slices.Sorted(maps.Keys(good)), untilItFails(t)
	var tried, byAudit, byScript atomic.Int32
	t.Run("each", func(t *testing.T) {
		for i, name := range names {
			for _, d := range damages() {
				for _, relisted := range []bool{false, true} {
					files := maps.Clone(good)
					if !d.make(files, name, names[(i+1)%len(names)]) || relisted && (d.alone || isList(name)) {
						continue
					}
					tried.Add(1)
					t.Run(fmt.Sprintf("%s %s relisted %t", name, d.name, relisted), func(t *testing.T) {
						t.Parallel()
						dir := written(t, files, relisted)
						if audit.Folder(dir, fingerprint.Prefix{}).Failed() == 0 {
							t.Error("the audit finds nothing")
						} else {
							byAudit.Add(1)
						}
						if out, err := shell(text, dir); err == nil || !strings.Contains(out, "FAIL  ") {
							t.Errorf("check.sh finds nothing\n%s", out)
						} else {
							byScript.Add(1)
						}
					})
				}
			}
		}
	})
	t.Logf("damaged bundles found by the audit: %d of %d, by check.sh: %d of %d",
		byAudit.Load(), tried.Load(), byScript.Load(), tried.Load())
	if tried.Load() < 200 {
		t.Errorf("only %d damages were tried", tried.Load())
	}
}

// isList reports whether a file is the list of hashes, or its signature: made
// again, it is as it was.
func isList(name string) bool { return name == bundle.Sums || name == bundle.Signature }

// written writes files to a folder, if relisted with a list of their hashes.
func written(t *testing.T, files bundle.Files, relisted bool) string {
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
	return dir
}
