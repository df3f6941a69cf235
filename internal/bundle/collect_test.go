package bundle_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/stamp"
	"byok/internal/testkit/held"
)

// elsewhere is the folder of another ceremony's connected workstation.
func elsewhere(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	log, err := ceremony.Open(dir)
	check(t, err)
	e := ceremony.Event{
		Time: stamp.Now(), Program: "byok-online", Version: "1", Command: "upload", Phase: ceremony.Begin,
	}
	e.AddInput("other.byok", fingerprint.Of([]byte("other")))
	e.AddNote("KEK", "https://contoso.vault.azure.net/keys/Other/0123456789abcdef0123456789abcdef")
	_, err = log.Append(e)
	check(t, err)
	return dir
}

// TestApart refuses records that do not belong together, by name.
func TestApart(t *testing.T) {
	h, other := held.Hold(t), held.Hold(t)
	copied := filepath.Join(t.TempDir(), "copy")
	check(t, os.CopyFS(copied, os.DirFS(h.Dir)))
	broken := filepath.Join(t.TempDir(), "broken")
	put(t, broken+"/local/world", "{}")
	words, log := h.Chain.HKNSO().FirstWords(8), elsewhere(t)
	for _, c := range []struct {
		name    string
		folders []string
		status  exitcode.Code
		want    string
	}{
		{"no world", []string{h.Stick}, exitcode.Usage,
			h.Stick + ": neither a bundle nor the kmdata folder of a security world"},
		{"two worlds", []string{h.Dir, h.Stick, other.Dir}, exitcode.Check, h.Dir + " and " + other.Dir +
			" do not belong together: the world Contoso, hknso " + words + " and the world Contoso, hknso " +
			other.Chain.HKNSO().FirstWords(8)},
		{"a world that does not hold", []string{h.Dir, broken}, exitcode.Check, h.Dir + " and " + broken +
			" do not belong together: the world Contoso, hknso " + words + " and a world whose statements do not hold"},
		{"one world twice", []string{h.Dir, copied, h.Stick}, exitcode.Check, h.Dir + " and " + copied +
			" are two copies of one record, of the world Contoso, hknso " + words},
		{"another's packages", []string{h.Dir, other.Stick}, exitcode.Check, other.Stick +
			"/KeyTransferPackage-Payroll.manifest.json is of another world, or kmdata is older than it: " +
			"no statement of the world Contoso, hknso " + words + " approved it"},
		{"another's log", []string{h.Dir, log}, exitcode.Check, log + "/local/ceremony.jsonl is the log of another " +
			"ceremony: none of its commands handled a file or a KEK of the world Contoso, hknso " + words},
		{"both logs", []string{h.Dir, h.Stick, log}, exitcode.Check, h.Stick + "/connected/local/ceremony.jsonl and " +
			log + "/local/ceremony.jsonl differ, and both would be connected/local/ceremony.jsonl of the bundle"},
		{"a folder that is not there", []string{h.Dir, "/nowhere"}, exitcode.Usage, "/nowhere: no such folder"},
	} {
		_, _, err := bundle.Gather(c.folders, "")
		if err == nil || err.Error() != c.want || exitcode.Of(err) != c.status {
			t.Errorf("%s: status %d, %v\nwant %s", c.name, exitcode.Of(err), err, c.want)
		}
	}
}

// TestBelongs takes a log that names a KEK of the world and no file of it, an empty
// one, and one that does not hold: whoever reads it finds out.
func TestBelongs(t *testing.T) {
	h := held.Hold(t)
	path := filepath.Join(h.Stick, "connected/local/ceremony.jsonl")
	whole, err := os.ReadFile(path)
	check(t, err)
	lines := strings.SplitAfter(string(whole), "\n")
	for name, log := range map[string]string{"the KEK alone": lines[0] + lines[1], "empty": "", "broken": lines[1]} {
		put(t, path, log)
		if _, _, err := bundle.Gather([]string{h.Stick, h.Dir}, goodPlan); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCollect: two copies of one file are one, notes of commands under way stay
// where they are, and what cannot be in a bundle is named.
func TestCollect(t *testing.T) {
	h := held.Hold(t)
	put(t, h.Dir+"/local/key_simple_next.pending", "a note")
	put(t, h.Dir+"/local/.held-by", "a note")
	again := filepath.Join(t.TempDir(), "again")
	check(t, os.CopyFS(again, os.DirFS(h.Stick)))
	put(t, again+"/other.txt", "left alone")
	found, err := bundle.Collect(h.Dir, []string{h.Stick, again, h.Dir}, "")
	check(t, err)
	for name := range found.Files {
		if strings.Contains(name, "other") || strings.Contains(name, "pending") || strings.Contains(name, "held-by") {
			t.Errorf("%s is in the bundle", name)
		}
	}
	for _, c := range []struct {
		name, path, content, plan string
		status                    exitcode.Code
		want                      string
	}{
		{"no manifest", "X.manifest.json", "{}", "", exitcode.Usage, `PATH: type is "", expected "byok-transfer-manifest"`},
		{"a name with a line end", "BYOK-KEK-pkg-\n", "", "", exitcode.Usage, "PATH: a name that a list of hashes cannot hold"},
		{"no plan", "x", "", "/nowhere/plan.yaml", exitcode.Usage, "/nowhere/plan.yaml: no such file"},
	} {
		dir := t.TempDir()
		path := put(t, filepath.Join(dir, c.path), c.content)
		_, err := bundle.Collect(h.Dir, []string{dir}, c.plan)
		if want := strings.ReplaceAll(c.want, "PATH", path); err == nil || err.Error() != want || exitcode.Of(err) != c.status {
			t.Errorf("%s: status %d, %v\nwant %s", c.name, exitcode.Of(err), err, want)
		}
	}
	if _, err := bundle.Collect(t.TempDir(), nil, ""); err == nil {
		t.Error("a folder without kmdata is collected")
	}
	if _, err := bundle.Read("/nowhere"); err == nil {
		t.Error("a folder that is not there is read")
	}
}
