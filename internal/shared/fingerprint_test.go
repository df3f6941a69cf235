package shared_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/fingerprint"
)

// sha256sum asks the program of that name.
func sha256sum(t *testing.T, path string) fingerprint.Sum {
	t.Helper()
	out, err := exec.Command("sha256sum", "--", path).Output()
	if err != nil {
		t.Fatalf("sha256sum (install coreutils): %v", err)
	}
	sum, err := fingerprint.Parse(strings.Fields(strings.TrimPrefix(string(out), `\`))[0])
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestFingerprint: what is shown is what sha256sum prints, grouped and in words.
func TestFingerprint(t *testing.T) {
	dir, folder := kmdataDir(t), t.TempDir()
	for _, c := range []struct{ name, content string }{
		{"empty", ""},
		{"KeyVault-BYOK-Tools-CONTOSO.zip", "PK\x03\x04"},
		{"large", strings.Repeat("0123456789abcdef", 1<<17)},
	} {
		path := write(t, folder+"/"+c.name, c.content)
		sum := sha256sum(t, path)
		got := run(t, "fingerprint", path)
		wantAnswer(t, c.name, got, answer{0, lines(slices.Concat([]string{c.name, sum.Groups()}, sum.Rows())...), ""})
		if hex := strings.ReplaceAll(strings.Split(got.out, "\n")[1], " ", ""); hex != sum.String() {
			t.Errorf("%s: %s, sha256sum says %s", c.name, hex, sum)
		}
	}
	wantAnswer(t, "folder", run(t, "fingerprint", folder),
		answer{2, "", lines("byok-test: error: " + folder + ": a folder, not a file")})
	wantAnswer(t, "none", run(t, "fingerprint", "none"), answer{2, "", lines("byok-test: error: none: no such file")})
	wantUntouched(t, "fingerprint", dir)
}

// TestFingerprintJSON has the hash as scripts compare it, and the words.
func TestFingerprintJSON(t *testing.T) {
	kmdataDir(t)
	path := write(t, t.TempDir()+"/F", "abc")
	got := run(t, "fingerprint", path, "--output", "json")
	got.out = strings.ReplaceAll(got.out, filepath.Dir(path), "DIR")
	golden(t, "fingerprint.json", got.out)
	wantAnswer(t, "JSON", got, answer{0, got.out, ""})
}

// TestForeignName: a file name may hold what is not text. It is shown and
// printed as JSON, and cannot steer the terminal or pass for another line.
func TestForeignName(t *testing.T) {
	kmdataDir(t)
	path := write(t, t.TempDir()+"/a\x1b[2J\ncaf\xe9", "abc")
	got := run(t, "fingerprint", path)
	if name, _, _ := strings.Cut(got.out, "\n"); got.status != 0 || name != `a\x1b[2J\ncaf\xe9` {
		t.Errorf("%+v", got)
	}
	got = run(t, "fingerprint", path, "--output=json")
	if got.status != 0 || !strings.Contains(got.out, `/a\u001b[2J\ncaf`+"\ufffd\"") {
		t.Errorf("%+v", got)
	}
	none := run(t, "fingerprint", "none\nResult: SUCCESS")
	wantAnswer(t, "none", none, answer{2, "", lines(`byok-test: error: none\nResult: SUCCESS: no such file`)})
}
