package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byok/internal/keykind"
	"byok/internal/rehearsal/softkey"
	"byok/internal/rehearsal/wire"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// version is a version of an AES key, whose bytes are all n.
func version(t *testing.T, n byte) Version {
	t.Helper()
	m, err := softkey.NewOct([]byte(strings.Repeat(string(rune(n)), 16)))
	if err != nil {
		t.Fatal(err)
	}
	return Version{
		Version:  strings.Repeat(fmt.Sprintf("%02x", n), 16),
		Type:     keykind.OctHSM,
		Private:  m.Private(),
		Ops:      []string{"encrypt", "decrypt"},
		Enabled:  true,
		Created:  noon,
		Updated:  noon,
		Material: m,
	}
}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// said is the text of an error, or "".
func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestLife takes a key from its first version to its end, each step read back
// from disk by a second store.
func TestLife(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "left.json.tmp"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	const name = "Payroll"
	held := "Conflict: Key Payroll is currently in a deleted but recoverable state, and its name cannot be reused; " +
		"in this state, the key can only be recovered or purged."
	missing := wire.NotFound("payroll", "").Error()
	for _, c := range []struct {
		step     string
		do       func(*Store) error
		want     string // the error
		versions int    // of the live key then; 0 is none
		deleted  bool
	}{
		{"the first", func(s *Store) error { _, err := s.Add(name, version(t, 1)); return err }, "", 1, false},
		{"the second, in capitals", func(s *Store) error { _, err := s.Add("PAYROLL", version(t, 2)); return err }, "", 2, false},
		{"recover a live key", func(s *Store) error { _, err := s.Recover(name); return err },
			"KeyNotFound: Deleted Key not found: Payroll", 2, false},
		{"purge a live key", func(s *Store) error { return s.Purge(name) }, "KeyNotFound: Deleted Key not found: Payroll", 2, false},
		{"delete", func(s *Store) error { _, err := s.Delete(name); return err }, "", 0, true},
		{"delete again", func(s *Store) error { _, err := s.Delete("payroll"); return err }, missing, 0, true},
		{"take its name", func(s *Store) error { _, err := s.Add(name, version(t, 3)); return err }, held, 0, true},
		{"recover", func(s *Store) error { _, err := s.Recover(name); return err }, "", 2, false},
		{"delete once more", func(s *Store) error { _, err := s.Delete(name); return err }, "", 0, true},
		{"purge", func(s *Store) error { return s.Purge(name) }, "", 0, false},
	} {
		s := open(t, dir)
		if got := said(c.do(s)); got != c.want {
			t.Errorf("%s: %s, want %s", c.step, got, c.want)
		}
		for _, s := range []*Store{s, open(t, dir)} {
			live, err := s.Live("payroll")
			if len(live.Versions) != c.versions || (err == nil) != (c.versions > 0) {
				t.Errorf("%s: %d versions, %v", c.step, len(live.Versions), err)
			}
			if _, err := s.Deleted("payroll"); (err == nil) != c.deleted {
				t.Errorf("%s: deleted: %v", c.step, err)
			}
			if n := len(s.All(true)); n != map[bool]int{true: 1}[c.deleted] {
				t.Errorf("%s: %d deleted keys", c.step, n)
			}
			if n := len(s.All(false)); n != min(c.versions, 1) {
				t.Errorf("%s: %d live keys", c.step, n)
			}
		}
	}
}

func TestFindAndChange(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for n := range byte(3) {
		if _, err := s.Add("k", version(t, n)); err != nil {
			t.Fatal(err)
		}
	}
	before, err := s.Live("k")
	if err != nil {
		t.Fatal(err)
	}
	first := version(t, 1).Version
	_, changed, err := s.Change("K", strings.ToUpper(first), func(v *Version) error { v.Enabled = false; return nil })
	if err != nil || changed.Enabled || changed.Version != first {
		t.Errorf("%+v, %v", changed, err)
	}
	if !before.Versions[1].Enabled {
		t.Error("a copy was changed as well")
	}
	after, err := open(t, dir).Live("k")
	if err != nil || after.Versions[1].Enabled || !after.Versions[0].Enabled || !after.Current().Enabled {
		t.Errorf("%+v, %v", after, err)
	}
	if v, err := after.Find(""); err != nil || v.Version != version(t, 2).Version {
		t.Errorf("%s, %v", v.Version, err)
	}
	refuse := func(*Version) error { return wire.UnsupportedOperations() }
	for want, f := range map[string]func() error{
		wire.NotFound("k", "none").Error():           func() error { _, err := after.Find("none"); return err },
		wire.NotFound("k", "x").Error():              func() error { _, _, err := s.Change("k", "x", refuse); return err },
		wire.NotFound("no", "").Error():              func() error { _, _, err := s.Change("no", "", refuse); return err },
		"BadParameter: Unsupported key operation(s)": func() error { _, _, err := s.Change("k", "", refuse); return err },
	} {
		if got := said(f()); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestLinger(t *testing.T) {
	s := open(t, t.TempDir())
	s.Linger("Gone", time.Hour)
	_, err := s.Add("gone", version(t, 1))
	if want := "Conflict: Key gone is currently being deleted and cannot be re-created; retry later."; said(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
	s.Linger("gone", -time.Second)
	if _, err := s.Add("gone", version(t, 1)); err != nil {
		t.Error(err)
	}
}

// TestDamaged: a file that the vault would not have written is not read.
func TestDamaged(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"cut", `"versions"`, `"ver`, "DIR/k.json: not valid JSON at byte 20"},
		{"renamed", `"name": "k"`, `"name": "other"`, "DIR/k.json: not a key of a rehearsal vault"},
		{"another type", `"oct-HSM"`, `"OKP"`, "DIR/k.json: version VERSION: no key type OKP"},
		{"operations", `"decrypt"`, `"sign"`, "DIR/k.json: version VERSION: BadParameter: Unsupported key operation(s)"},
		{"exportable", `"exportable": false`, `"exportable": true`,
			"DIR/k.json: version VERSION: exportable and release_policy contradict each other"},
	} {
		dir := t.TempDir()
		if _, err := open(t, dir).Add("k", version(t, 1)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "k.json")
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := strings.Replace(string(good), c.from, c.to, 1)
		if c.name == "cut" {
			bad = bad[:20]
		}
		if bad == string(good) {
			t.Fatalf("%s: nothing changed", c.name)
		}
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = Open(dir)
		got := strings.NewReplacer(dir, "DIR", version(t, 1).Version, "VERSION").Replace(said(err))
		if !strings.HasPrefix(got, c.want) || got == "" {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("no folder: %v", err)
	}
}

// TestNowhereToSave: nothing is kept in memory that is not on disk.
func TestNowhereToSave(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.Add("k", version(t, 1)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add("k", version(t, 2)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("add: %v", err)
	}
	if r, err := s.Live("k"); err != nil || len(r.Versions) != 1 {
		t.Errorf("%d versions, %v", len(r.Versions), err)
	}
	if _, err := s.Delete("k"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("delete: %v", err)
	}
}

// TestPurgeWithoutAFile: a key whose file is gone already can be purged.
func TestPurgeWithoutAFile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.Add("k", version(t, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete("k"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "k.json")); err != nil {
		t.Fatal(err)
	}
	if err := s.Purge("k"); err != nil {
		t.Error(err)
	}
	var list []fs.DirEntry
	if list, _ = os.ReadDir(dir); len(list) > 0 {
		t.Errorf("%v is left", list)
	}
}

func TestAllowedFor(t *testing.T) {
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	for _, c := range []struct {
		name, op string
		change   func(*Version)
		want     string
	}{
		{"good", "encrypt", func(*Version) {}, ""},
		{"disabled", "encrypt", func(v *Version) { v.Enabled = false },
			"Forbidden: Operation encrypt is not allowed on a disabled key."},
		{"not its operation", "sign", func(*Version) {}, "Forbidden: Operation sign is not permitted on this key."},
		{"too early", "encrypt", func(v *Version) { v.NotBefore = future },
			"Forbidden: Operation encrypt is not allowed on a key that is not yet valid."},
		{"too late", "encrypt", func(v *Version) { v.Expires = past },
			"Forbidden: Operation encrypt is not allowed on an expired key."},
		{"opens what it closed", "decrypt", func(v *Version) { v.Expires = past }, ""},
	} {
		v := version(t, 1)
		c.change(&v)
		if got := said(v.AllowedFor(c.op)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestSchedule(t *testing.T) {
	no := false
	v := version(t, 1)
	err := v.Schedule(wire.Attributes{Enabled: &no, NotBefore: wire.Seconds(noon), Expires: wire.Seconds(noon.AddDate(1, 0, 0))})
	if err != nil || v.Enabled || !v.NotBefore.Equal(noon) || !v.Expires.Equal(noon.AddDate(1, 0, 0)) {
		t.Errorf("%+v, %v", v, err)
	}
	err = v.Schedule(wire.Attributes{Expires: wire.Seconds(noon)})
	if want := "BadParameter: The expiry date must be after the activation date"; said(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
	if v.Exchanges() {
		t.Error("an AES key exchanges keys")
	}
	if v.Ops = []string{"import"}; !v.Exchanges() {
		t.Error("a key that may only import is no key exchange key")
	}
}
