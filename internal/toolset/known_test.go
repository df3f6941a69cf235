package toolset

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// TestLookPublished stands in for the files with a published hash, which
// cannot be had any more.
func TestLookPublished(t *testing.T) {
	for _, region := range Regions() {
		got, err := Look(filepath.Join(t.TempDir(), "any.zip"), region.SHA256)
		want := Known{true, "the published hash of " + region.Package + " for " + region.Name + ", retired in June 2021"}
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", region.Name, got, err)
		}
		changed := region.SHA256
		changed[31] ^= 1
		got, err = Look(filepath.Join(t.TempDir(), region.Package), changed)
		if want := (Known{false, "not the published hash for " + region.Name}); err != nil || got != want {
			t.Errorf("%s, changed: %+v, %v", region.Name, got, err)
		}
	}
}

func TestLookListed(t *testing.T) {
	one, two := fingerprint.Of([]byte("one")), fingerprint.Of([]byte("two"))
	sums := string(FormatSums([]SumLine{{"a", one}, {"b", two}, {Regions()[0].Package, one}, {"KeyVault-BYOK-Tools-CANADA.zip", two}}))
	for _, c := range []struct {
		name string
		sums string
		file string
		sum  fingerprint.Sum
		want Known
		err  string
	}{
		{"no list", "", "a", one, Known{false, "unknown hash"}, ""},
		{"listed", sums, "b", two, Known{true, "as listed in the SHA256SUMS beside it"}, ""},
		{"listed otherwise", sums, "b", one, Known{false, "not the hash that the SHA256SUMS beside it lists"}, ""},
		{"not listed", sums, "c", one, Known{false, "unknown hash"}, ""},
		{"the published hash weighs more", sums, Regions()[0].Package, one,
			Known{false, "not the published hash for " + Regions()[0].Name}, ""},
		{"built today, of that region's suffix", sums, "KeyVault-BYOK-Tools-CANADA.zip", two,
			Known{true, "as listed in the SHA256SUMS beside it"}, ""},
		{"damaged", "one\n", "a", one, Known{}, "line 1 is not a SHA-256, two spaces and a name"},
		{"too large", strings.Repeat("x", MaxPackage+1), "a", one, Known{},
			"larger than the 262144 bytes that such a file may have"},
	} {
		dir := t.TempDir()
		if c.sums != "" {
			if err := os.WriteFile(filepath.Join(dir, SumsName), []byte(c.sums), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := Look(filepath.Join(dir, c.file), c.sum)
		if c.err != "" {
			want := filepath.Join(dir, SumsName) + ": " + c.err
			if err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Usage {
				t.Errorf("%s:\n got %v\nwant %s", c.name, err, want)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}

// TestLookBesideAPipe has a named pipe in place of the list.
func TestLookBesideAPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, SumsName), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Look(filepath.Join(dir, "a"), fingerprint.Of(nil))
	want := filepath.Join(dir, SumsName) + ": a named pipe, not a file"
	if err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Usage {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}
