package library

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"byok/internal/exitcode"
)

// someone is a file that belongs to uid.
type someone struct {
	uid  int
	mode fs.FileMode
}

func (s someone) Name() string       { return "file" }
func (s someone) Size() int64        { return 0 }
func (s someone) Mode() fs.FileMode  { return s.mode }
func (s someone) ModTime() time.Time { return time.Time{} }
func (s someone) IsDir() bool        { return s.mode.IsDir() }
func (s someone) Sys() any           { return &syscall.Stat_t{Uid: uint32(s.uid)} }

// How a refusal and a warning end.
const (
	alone = "; it must be in root's hands alone"
	only  = "; only a rehearsal accepts that"
)

func TestOwnerRules(t *testing.T) {
	const everybody = "can be written by everyone"
	const sticky, setgid = fs.ModeDir | fs.ModeSticky, fs.ModeDir | fs.ModeSetgid
	for name, c := range map[string]struct {
		file      someone
		found     string // after "x: /p ", or "" where nothing is wrong
		rehearsal bool   // whether one goes on
		hint      string
	}{
		"root's file":          {someone{0, 0o644}, "", true, ""},
		"root's folder":        {someone{0, fs.ModeDir | 0o755}, "", true, ""},
		"own file":             {someone{1000, 0o644}, "belongs to user 1000", true, "chown root:root /p"},
		"own folder":           {someone{1000, fs.ModeDir | 0o700}, "belongs to user 1000", true, elsewhere},
		"another's file":       {someone{1001, 0o644}, "belongs to user 1001", false, "chown root:root /p"},
		"group-writable":       {someone{0, 0o664}, "can be written by its group", true, "chmod g-w /p"},
		"writable for all":     {someone{0, 0o666}, "can be written by everyone", false, "chmod go-w /p"},
		"only by others":       {someone{0, 0o602}, "can be written by everyone", false, "chmod go-w /p"},
		"folder of all":        {someone{0, fs.ModeDir | 0o777}, "can be written by everyone", false, "chmod go-w /p"},
		"sticky folder":        {someone{0, sticky | 0o777}, "can be written by everyone", true, elsewhere},
		"sticky file":          {someone{0, fs.ModeSticky | 0o666}, everybody, false, "chmod go-w /p"},
		"setgid, group-writes": {someone{0, setgid | 0o775}, "can be written by its group", true, "chmod g-w /p"},
	} {
		t.Run(name, func(t *testing.T) {
			production := checker{user: 1000}
			err := production.checkPlace("x", "/p", c.file)
			if c.found == "" {
				if err != nil {
					t.Error(err)
				}
			} else {
				expect(t, err, failure{"x: /p " + c.found + alone, exitcode.Refused, c.hint})
			}
			rehearsal := checker{user: 1000, rehearsal: true}
			err = rehearsal.checkPlace("x", "/p", c.file)
			var want []string
			if c.found != "" && c.rehearsal {
				want = []string{"x: /p " + c.found + only}
			}
			if (err == nil) != c.rehearsal || !slices.Equal(rehearsal.warnings, want) {
				t.Errorf("rehearsal: %v, %q", err, rehearsal.warnings)
			}
		})
	}
	if ownerOf(nothing{}) != -1 {
		t.Error("a file without an owner is somebody's")
	}
}

type nothing struct{ someone }

func (nothing) Sys() any { return nil }

// TestCheckOwnersOfTheSystem takes what Debian installs.
func TestCheckOwnersOfTheSystem(t *testing.T) {
	clean(t)
	t.Setenv("SOFTHSM2_CONF", "/etc/passwd")
	for _, rehearsal := range []bool{false, true} {
		if warnings, err := CheckOwners(identify(t, softHSM(t)), rehearsal); err != nil || len(warnings) != 0 {
			t.Errorf("%q, %v", warnings, err)
		}
	}
}

// scene is a folder of the test that looks like one of root's from above.
type scene struct {
	dir     string
	above   []string // places that are not checked, because they are the machine's
	library string
	conf    string
}

// newScene makes a library and a configuration, each in a folder of its own.
func newScene(t *testing.T) scene {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("run this test as root: it gives files to other users")
	}
	clean(t)
	dir := t.TempDir()
	w, err := follow(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := scene{dir: dir, above: w.places}
	s.library = copyOf(t, softHSM(t), dir+"/lib/libsofthsm2.so")
	s.conf = put(t, dir+"/etc/softhsm2.conf", "")
	t.Setenv("SOFTHSM2_CONF", s.conf)
	return s
}

func (s scene) check(id Identity, rehearsal bool) ([]string, error) {
	c := checker{rehearsal: rehearsal, user: 1000, seen: slices.Clone(s.above)}
	return c.check(id)
}

func TestCheckOwners(t *testing.T) {
	const other, user = 65534, 1000
	own := func(uid int, path string) func(*testing.T, scene) string {
		return func(t *testing.T, s scene) string {
			if err := os.Lchown(s.dir+path, uid, uid); err != nil {
				t.Fatal(err)
			}
			return ""
		}
	}
	mode := func(mode fs.FileMode, path string) func(*testing.T, scene) string {
		return func(t *testing.T, s scene) string {
			if err := os.Chmod(s.dir+path, mode); err != nil {
				t.Fatal(err)
			}
			return ""
		}
	}
	// linked puts the library behind a link in a folder of its own.
	linked := func(uid int) func(*testing.T, scene) string {
		return func(t *testing.T, s scene) string {
			if err := os.Mkdir(s.dir+"/links", 0o755); err != nil {
				t.Fatal(err)
			}
			path := link(t, "../lib/libsofthsm2.so", s.dir+"/links/hsm.so")
			own(uid, "/links")(t, s)
			return path
		}
	}
	const file, confFile = "/lib/libsofthsm2.so", "/etc/softhsm2.conf"
	const lib, conf = "PKCS#11 library LIB: DIR", "configuration file DIR/etc/softhsm2.conf: DIR"
	const mine = "configuration file DIR/mine/sub/new.conf: DIR"
	const myLink = "configuration file DIR/mine/link.conf: DIR"
	for name, c := range map[string]struct {
		change    func(*testing.T, scene) string // returns the library to ask for, or "" for the scene's
		want      string                         // with DIR for the folder and LIB for what was asked for, or ""
		rehearsal bool
	}{
		"root's":                    {mode(0o755, "/lib"), "", true},
		"library of the user":       {own(user, file), lib + file + " belongs to user 1000", true},
		"library of another":        {own(other, file), lib + file + " belongs to user 65534", false},
		"its folder":                {own(user, "/lib"), lib + "/lib belongs to user 1000", true},
		"its folder, by the group":  {mode(0o775, "/lib"), lib + "/lib can be written by its group", true},
		"its folder, by all":        {mode(0o777, "/lib"), lib + "/lib can be written by everyone", false},
		"link in root's folder":     {linked(0), "", true},
		"link in the user's folder": {linked(user), lib + "/links belongs to user 1000", true},
		"link in another's folder":  {linked(other), lib + "/links belongs to user 65534", false},
		"configuration":             {own(user, confFile), conf + confFile + " belongs to user 1000", true},
		"configuration's folder":    {own(user, "/etc"), conf + "/etc belongs to user 1000", true},
		"configuration, group":      {mode(0o664, confFile), conf + confFile + " can be written by its group", true},
		"missing, user's folder":    {missing(user), mine + "/mine belongs to user 1000", true},
		"missing, root's folder":    {missing(0), "", true},
		"configuration's link":      {confLink(user), myLink + "/mine belongs to user 1000", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			asked := c.change(t, s)
			if asked == "" {
				asked = s.library
			}
			id := identify(t, asked)
			text := strings.NewReplacer("DIR", s.dir, "LIB", asked).Replace(c.want)
			warnings, err := s.check(id, false)
			switch {
			case text == "" && (err != nil || len(warnings) != 0):
				t.Errorf("%q, %v", warnings, err)
			case text != "" && (fmt.Sprint(err) != text+alone || exitcode.Of(err) != exitcode.Refused):
				t.Errorf("\n got %v\nwant %s", err, text+alone)
			}
			warnings, err = s.check(id, true)
			if (err == nil) != c.rehearsal {
				t.Errorf("rehearsal: %v", err)
			}
			if c.rehearsal && text != "" && !slices.Contains(warnings, text+only) {
				t.Errorf("rehearsal: %q", warnings)
			}
		})
	}
}

// missing names a configuration file that somebody could still write.
func missing(uid int) func(*testing.T, scene) string {
	return func(t *testing.T, s scene) string {
		if err := os.Mkdir(s.dir+"/mine", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(s.dir+"/mine", uid, uid); err != nil {
			t.Fatal(err)
		}
		t.Setenv("SOFTHSM2_CONF", s.dir+"/mine/sub/new.conf")
		return ""
	}
}

// confLink names a link to a configuration file of root's.
func confLink(uid int) func(*testing.T, scene) string {
	return func(t *testing.T, s scene) string {
		missing(uid)(t, s)
		t.Setenv("SOFTHSM2_CONF", link(t, s.conf, s.dir+"/mine/link.conf"))
		return ""
	}
}

// TestCheckOwnersAfterASwap exchanges a link between the two calls.
func TestCheckOwnersAfterASwap(t *testing.T) {
	s := newScene(t)
	other := copyOf(t, softHSM(t), s.dir+"/other/libsofthsm2.so")
	asked := link(t, s.library, s.dir+"/lib/link.so")
	id := identify(t, asked)
	if err := os.Remove(asked); err != nil {
		t.Fatal(err)
	}
	link(t, other, asked)
	_, err := s.check(id, true)
	expect(t, err, failure{
		"PKCS#11 library " + asked + ": led to " + s.library + ", and now leads to " + other,
		exitcode.Refused,
		"run the command again; if it happens again, find out who changes the library",
	})
	if err := os.Remove(asked); err != nil {
		t.Fatal(err)
	}
	_, err = s.check(id, true)
	expect(t, err, failure{"PKCS#11 library " + asked + ": no such file or directory", exitcode.Refused, ""})
}

// TestCheckOwnersOfARecord takes an identity that was read from a file.
func TestCheckOwnersOfARecord(t *testing.T) {
	s := newScene(t)
	id := identify(t, s.library)
	record := Identity{Path: id.Path, Configuration: id.Configuration}
	if warnings, err := s.check(record, false); err != nil || len(warnings) != 0 {
		t.Errorf("%q, %v", warnings, err)
	}
	if err := os.Chown(s.conf, 1000, 1000); err != nil {
		t.Fatal(err)
	}
	_, err := s.check(record, false)
	text := "configuration file " + s.conf + ": " + s.conf + " belongs to user 1000" + alone
	expect(t, err, failure{text, exitcode.Refused, "chown root:root " + s.conf})
	if err := os.Remove(s.conf); err != nil {
		t.Fatal(err)
	}
	link(t, s.conf, s.conf)
	_, err = s.check(record, false)
	expect(t, err, failure{"configuration file " + s.conf + ": too many symbolic links", exitcode.Refused, ""})
}
