package register

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

// write makes empty files below a folder.
func write(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, name)
		rig.OK(t, os.MkdirAll(filepath.Dir(path), 0o755))
		rig.OK(t, os.WriteFile(path, nil, 0o644))
	}
}

// TestFind: what belongs to a register, and nothing else.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "usb/a.byok", "usb/a.manifest.json", "usb/a.proof-1.json", "usb/foreign.byok", "usb/notes.txt",
		"usb/.byok", "usb/b.proof-2.json.bak", "bundle/disconnected/local/world", "bundle/connected/local/ceremony.jsonl",
		"bundle/packages/1/b.BYOK", "bundle/packages/1/b.manifest.json", "other/local/nothing")
	rig.OK(t, os.Symlink("a.proof-1.json", filepath.Join(dir, "usb", "c.proof-3.json")))
	files, err := Find([]string{filepath.Join(dir, "usb"), filepath.Join(dir, "bundle"), filepath.Join(dir, "other")})
	rig.OK(t, err)
	got := strings.ReplaceAll(fmt.Sprintf("%v %v %v %v", files.Packages, files.Proofs, files.Worlds, files.Logs), dir+"/", "")
	want := "[usb/a.byok bundle/packages/1/b.BYOK] [usb/a.proof-1.json] [bundle/disconnected] [bundle/connected]"
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if beside := ProofsBeside(filepath.Join(dir, "usb", "a")); !slices.Equal(beside, []string{filepath.Join(dir, "usb/a.proof-1.json")}) {
		t.Errorf("%v", beside)
	}
	if beside := ProofsBeside(filepath.Join(dir, "none", "a")); len(beside) > 0 {
		t.Errorf("%v", beside)
	}
}

// TestFindRefuses a folder that is missing, and one that cannot be a ceremony's.
func TestFindRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if _, err := Find([]string{dir}); exitcode.Of(err) != exitcode.Usage || err.Error() != dir+": no such file or directory" {
		t.Errorf("%v", err)
	}
	dir = t.TempDir()
	write(t, dir, "a", "b")
	entries, err := os.ReadDir(dir)
	rig.OK(t, err)
	f := &finding{entries: maxEntries - 1}
	rig.OK(t, f.entry(filepath.Join(dir, "a"), entries[0], nil))
	err = f.entry(filepath.Join(dir, "b"), entries[1], nil)
	if err == nil || err.Error() != "more than 100000 entries; name the folder of the ceremony" {
		t.Errorf("%v", err)
	}
}

// TestFollower: a key that follows another one takes its name, and no other.
func TestFollower(t *testing.T) {
	h := hold(t)
	h.key(t, "old", "P-256")
	h.approve(t, "old", "Payroll")
	h.approve(t, "old", "Other")
	k, err := h.Chain.Key("old")
	rig.OK(t, err)
	h.old = &statement.Replaced{Ident: "old", Identity: k.Identity}
	h.key(t, "new", "P-384")
	p := h.approve(t, "new", "payroll")
	h.prove(t, "proof.json", p, version("payroll", 2), stamp.Now())
	r := Of(h.Sources)
	if len(r.Keys) != 2 || r.Keys[0].Follower != r.Keys[1] || r.Keys[1].Follower != nil {
		t.Fatalf("%+v", r)
	}
	went := r.Keys[0].Went
	if went[0].Followed != p.Authorization.Number || went[1].Followed != 0 || r.Keys[1].Went[0].Followed != 0 {
		t.Errorf("%+v, %+v", went[0], went[1])
	}
	if len(r.Strays) > 0 || len(r.Keys[1].Went[0].Proofs) != 1 {
		t.Errorf("%+v", r.Strays)
	}
}
