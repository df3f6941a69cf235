package worlds

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

var (
	one   = fingerprint.Of([]byte("one"))
	two   = fingerprint.Of([]byte("two"))
	three = fingerprint.Of([]byte("three"))
	at    = time.Date(2026, 11, 25, 19, 5, 0, 0, time.UTC)
)

func newStore(t *testing.T) *Store {
	t.Helper()
	return NewStore(filepath.Join(t.TempDir(), "byok"))
}

func add(t *testing.T, s *Store, c Claim) World {
	t.Helper()
	w, err := s.Add(c, "ada@host", at)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// expect fails the test unless err has this status, text and hint.
func expect(t *testing.T, what string, err error, code exitcode.Code, text, hint string) {
	t.Helper()
	if err == nil || err.Error() != text || exitcode.Of(err) != code {
		t.Errorf("%s:\n got status %d, %v\nwant status %d, %s", what, exitcode.Of(err), err, code, text)
	}
	if got := exitcode.HintOf(err); got != hint {
		t.Errorf("%s: hint\n got %s\nwant %s", what, got, hint)
	}
}

// TestFile has the file's content, to the byte, after two worlds and a
// replacement of cards.
func TestFile(t *testing.T) {
	s := newStore(t)
	add(t, s, Claim{"Contoso", one, one})
	add(t, s, Claim{"", three, three})
	w := add(t, s, Claim{"Contoso", one, two})
	if w.String() != `world "Contoso"` || w.First != one || w.Current() != (Entry{two, "ada@host", at}) {
		t.Errorf("%v: %+v", w, w)
	}
	got, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	entry := func(sum fingerprint.Sum) string {
		return `        {
          "sha256": "` + sum.String() + `",
          "by": "ada@host",
          "at": "2026-11-25T19:05:00Z"
        }`
	}
	want := `{
  "type": "byok-worlds",
  "version": 1,
  "worlds": [
    {
      "label": "Contoso",
      "first": "` + one.String() + `",
      "hknso": [
` + entry(one) + `,
` + entry(two) + `
      ]
    },
    {
      "label": "",
      "first": "` + three.String() + `",
      "hknso": [
` + entry(three) + `
      ]
    }
  ]
}
`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for path, mode := range map[string]os.FileMode{s.Path(): 0o600, filepath.Dir(s.Path()): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	all, err := s.List()
	if err != nil || len(all) != 2 || all[1].String() != "world "+three.String()[:8] {
		t.Errorf("%v, %v", all, err)
	}
}

func TestFind(t *testing.T) {
	s := newStore(t)
	if all, err := s.List(); all != nil || err != nil {
		t.Errorf("without a file: %v, %v", all, err)
	}
	add(t, s, Claim{"Contoso", one, one})
	add(t, s, Claim{"Contoso", one, two})
	const hint = "byok-offline acl modify and package again, with the present cards"
	const replaced = `world "Contoso": its cards were replaced, and the package was authorized with the old ones`
	for _, c := range []struct {
		name  string
		claim Claim
		want  string // of the error
	}{
		{"in force", Claim{"Contoso", one, two}, ""},
		{"in force, another label", Claim{"Fabrikam", one, two}, ""},
		{"in force, first not said", Claim{"Contoso", two, two}, ""},
		{"replaced", Claim{"Contoso", one, one}, replaced},
		{"unknown", Claim{"Contoso", three, three}, ErrUnknown.Error()},
		{"replaced once more", Claim{"Contoso", one, three}, ErrUnknown.Error()},
	} {
		w, err := s.Find(c.claim)
		switch c.want {
		case "":
			if err != nil || w.Current().SHA256 != two {
				t.Errorf("%s: %v, %v", c.name, w, err)
			}
		case replaced:
			expect(t, c.name, err, exitcode.Refused, replaced, hint)
			_, err := s.Add(c.claim, "ada@host", at)
			expect(t, c.name+", added", err, exitcode.Refused, replaced, hint)
		default:
			if !errors.Is(err, ErrUnknown) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}

// TestFirstOfAnUnknownWorld has a package prove that the cards of a world were
// replaced before this workstation knew it.
func TestFirstOfAnUnknownWorld(t *testing.T) {
	s := newStore(t)
	add(t, s, Claim{"Contoso", one, two})
	_, err := s.Find(Claim{"Contoso", one, one})
	expect(t, "first", err, exitcode.Refused,
		`world "Contoso": its cards were replaced, and the package was authorized with the old ones`,
		"byok-offline acl modify and package again, with the present cards")
	if w := add(t, s, Claim{"Contoso", one, two}); len(w.HKNSO) != 1 {
		t.Errorf("added twice: %+v", w)
	}
}

func TestDamagedFile(t *testing.T) {
	good := newStore(t)
	add(t, good, Claim{"Contoso", one, one})
	data, err := os.ReadFile(good.Path())
	if err != nil {
		t.Fatal(err)
	}
	change := func(from, to string) string { return strings.Replace(string(data), from, to, 1) }
	for _, c := range []struct{ name, content, want string }{
		{"another file", change("byok-worlds", "byok-world"), `type is "byok-world", expected "byok-worlds"`},
		{"later version", change(`"version": 1`, `"version": 2`),
			"version 2 of byok-worlds, written by a later release; this one reads version 1"},
		{"unknown field", change(`"label"`, `"labels"`), "unknown field worlds.0.labels"},
		{"spacing", change("  ", " "), "line 2 differs from what the program writes: " +
			"a field is missing, null, out of order or spaced differently"},
		{"label", change("Contoso", `Con\ntoso`), "world 1: field label: it is not one line of printable characters"},
		{"no hknso", `{
  "type": "byok-worlds",
  "version": 1,
  "worlds": [
    {
      "label": "Contoso",
      "first": "` + one.String() + `",
      "hknso": []
    }
  ]
}
`, "world 1: fields first and hknso are needed"},
		{"no sum", change(`"sha256": "`+one.String(), `"sha256": "`+fingerprint.Sum{}.String()),
			"world 1: field sha256 is missing"},
		{"nobody", change("ada@host", ""), "world 1: field by: it is empty"},
		{"no time", change("2026-11-25T19:05:00Z", "2026-11-25T19:05:00.5Z"),
			"world 1: field at: expected a time in whole seconds, such as 2026-11-25T19:05:00Z"},
	} {
		s := newStore(t)
		if err := os.MkdirAll(filepath.Dir(s.Path()), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.Path(), []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := s.List()
		expect(t, c.name, err, exitcode.Check, s.Path()+": "+c.want, "")
		if _, err := s.Add(Claim{"Fabrikam", two, two}, "ada@host", at); err == nil {
			t.Errorf("%s: added to", c.name)
		}
	}
}

func TestDoubled(t *testing.T) {
	err := check([]World{
		{Label: "a", First: one, HKNSO: []Entry{{two, "ada", at}}},
		{Label: "b", First: three, HKNSO: []Entry{{three, "ada", at}, {one, "ada", at}}},
	})
	if want := "world 2: hknso " + one.String() + " appears twice"; err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

// TestUnfitFile has what may stand in the file's place, or be wrong with its
// folder.
func TestUnfitFile(t *testing.T) {
	s := newStore(t)
	add(t, s, Claim{"Contoso", one, one})
	if err := os.Chmod(s.Path(), 0o620); err != nil {
		t.Fatal(err)
	}
	_, err := s.List()
	expect(t, "writable", err, exitcode.Refused, s.Path()+": others may change it (mode 0620), so it proves nothing",
		"chmod 600 "+s.Path()+", then compare each hknso in it with the paper record")

	pipe := newStore(t)
	if err := os.MkdirAll(filepath.Dir(pipe.Path()), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe.Path(), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = pipe.List()
	expect(t, "pipe", err, exitcode.Failed, pipe.Path()+": a named pipe, not a file", "")

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = NewStore(filepath.Join(file, "byok")).Add(Claim{"Contoso", one, one}, "ada@host", at)
	expect(t, "no folder", err, exitcode.Failed, filepath.Join(file, "byok")+" cannot be made: not a directory", "")

	_, err = newStore(t).Add(Claim{"Con\ntoso", one, one}, "ada@host", at)
	if err == nil || !strings.HasSuffix(err.Error(), "world 1: field label: it is not one line of printable characters") {
		t.Errorf("label: %v", err)
	}
}

// TestLocked has another process at work on the file.
func TestLocked(t *testing.T) {
	s := newStore(t)
	add(t, s, Claim{"Contoso", one, one})
	f, err := os.Open(s.Path() + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	_, err = s.Add(Claim{"Fabrikam", two, two}, "ada@host", at)
	expect(t, "locked", err, exitcode.Refused, s.Path()+".lock is in use by another process",
		"wait until it has ended, then run the command again")
}

func TestDefaultDir(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", "/home/ada/.config")
	if dir, err := DefaultDir(); err != nil || dir != "/home/ada/.config/byok" {
		t.Errorf("%s, %v", dir, err)
	}
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("HOME", "")
	_, err := DefaultDir()
	expect(t, "no home", err, exitcode.Usage,
		"no configuration folder for this user: neither $XDG_CONFIG_HOME nor $HOME are defined", "--config DIR")
}
