package recordcopy_test

import (
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/recordcopy"
	"byok/internal/session"
	"byok/internal/testkit/rig"
	"byok/internal/world"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { rig.Main(m) }

// seal signs a statement without other content.
func seal(t *testing.T, r *rig.Rig) {
	t.Helper()
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		_, err := world.Quorum{Quorum: s}.Seal()
		return err
	}))
}

// TestBackup copies kmdata, and proves the copy by reading it.
func TestBackup(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, os.WriteFile(filepath.Join(r.Dir, "local", "ceremony.jsonl"), []byte("{}\n"), 0o600))
	to := filepath.Join(t.TempDir(), "backup", "copy") // parents are made
	files, err := recordcopy.Make(r.Chain(t), to)
	rig.OK(t, err)
	if files != 9 {
		t.Errorf("%d files", files)
	}
	whole := r.Dir
	r.Dir = to
	r.Whole(t)
	seal(t, r)
	r.Dir = whole
	_, err = recordcopy.Make(r.Chain(t), to)
	r.Refused(t, err, exitcode.Refused, to+" already exists, and a copy never overwrites anything", "name a folder that does not exist")
	for _, inside := range []string{r.Dir, filepath.Join(r.Dir, "local", "copy"), filepath.Join(r.Dir, "x", "..", "y")} {
		_, err = recordcopy.Make(r.Chain(t), inside)
		if exitcode.Of(err) != exitcode.Refused {
			t.Errorf("%s: %v", inside, err)
		}
	}
	_, err = recordcopy.Make(r.Chain(t), filepath.Join(r.Dir, "copy"))
	r.Refused(t, err, exitcode.Refused, "DIR/copy is inside DIR: a copy belongs on another medium",
		"name a folder on the medium for the copy")
}

// TestBackupFails leaves nothing that could be taken for a copy.
func TestBackupFails(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(r *rig.Rig)
		text string
	}{
		{"a folder in a file's place", func(r *rig.Rig) {
			rig.OK(t, os.Symlink("/dev/null", filepath.Join(r.Dir, "local", "key_simple_x")))
		}, "DIR/local/key_simple_x: a device, not a file"},
		{"a key file that does not verify", func(r *rig.Rig) {
			rig.OK(t, os.WriteFile(r.Chain(t).KeyPath("first")+".sig", []byte("x"), 0o600))
		}, ""},
		{"a key file that is missing", func(r *rig.Rig) {
			rig.OK(t, os.Remove(r.Chain(t).KeyPath("first")))
			rig.OK(t, os.Remove(r.Chain(t).KeyPath("first")+".sig"))
		}, ""},
	} {
		r := rig.NewKeyWorld(t)
		chain := r.Chain(t)
		c.do(r)
		to := filepath.Join(t.TempDir(), "copy")
		_, err := recordcopy.Make(chain, to)
		if err == nil || c.text != "" && r.Plain(err.Error()) != c.text {
			t.Errorf("%s: %v", c.name, err)
		}
		left, err := os.ReadDir(filepath.Dir(to))
		if err != nil || len(left) > 0 {
			t.Errorf("%s: %v left, %v", c.name, left, err)
		}
	}
}

// TestBackupOfAnotherState: kmdata has changed since it was read.
func TestBackupOfAnotherState(t *testing.T) {
	r := rig.NewWorld(t)
	chain := r.Chain(t)
	seal(t, r)
	to := filepath.Join(t.TempDir(), "copy")
	_, err := recordcopy.Make(chain, to)
	if err == nil || !strings.Contains(err.Error(), "the copy's last statement differs from that of "+r.Dir) || exitcode.Of(err) != exitcode.Check {
		t.Errorf("%v", err)
	}
}

// TestBackupDiffers: every file of a copy is what was read, also those that
// nobody signed.
func TestBackupDiffers(t *testing.T) {
	r := rig.NewKeyWorld(t)
	log := []byte("{}\n")
	rig.OK(t, os.WriteFile(filepath.Join(r.Dir, "local", "ceremony.jsonl"), log, 0o600))
	sums := map[string]fingerprint.Sum{"ceremony.jsonl": fingerprint.Of(log)}
	to := t.TempDir()
	rig.OK(t, os.CopyFS(to, os.DirFS(r.Dir)))
	rig.OK(t, recordcopy.Verify(r.Chain(t), to, sums))
	path := filepath.Join(to, "local", "ceremony.jsonl")
	rig.OK(t, os.WriteFile(path, nil, 0o600))
	r.Refused(t, recordcopy.Verify(r.Chain(t), to, sums), exitcode.Check, path+": the copy differs from the original", "")
	rig.OK(t, os.Remove(path))
	if err := recordcopy.Verify(r.Chain(t), to, sums); err == nil {
		t.Error("a file is missing")
	}
}

// TestBackupNowhere: a copy that cannot be begun leaves everything as it is.
func TestBackupNowhere(t *testing.T) {
	r := rig.NewWorld(t)
	file := filepath.Join(t.TempDir(), "file")
	rig.OK(t, os.WriteFile(file, nil, 0o600))
	for _, to := range []string{filepath.Join(file, "copy"), filepath.Join(file, "deep", "copy")} {
		if _, err := recordcopy.Make(r.Chain(t), to); err == nil {
			t.Errorf("%s: a copy", to)
		}
	}
}
