package cards

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"byok/internal/exitcode"
)

func TestWriteAndRead(t *testing.T) {
	card := issue(t, 2, 3).Cards[1]
	m, h, sealed := Folder(t.TempDir()), HeaderOf("Contoso", card), seal0(t, card, "p")
	if err := m.Blank(); err != nil {
		t.Fatal(err)
	}
	if err := m.Write(h, sealed); err != nil {
		t.Fatal(err)
	}
	if got := names(t, m); !slices.Equal(got, []string{CardFile, HeaderFile}) {
		t.Errorf("written: %q", got)
	}
	gotHeader, gotSealed, err := m.Read()
	if err != nil || gotHeader != h || string(gotSealed) != string(sealed) {
		t.Errorf("read %+v, %v", gotHeader, err)
	}
	for _, name := range []string{CardFile, HeaderFile} {
		info, err := os.Stat(filepath.Join(m.String(), name))
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	if err := m.Remove(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, m); len(got) != 0 {
		t.Errorf("left behind: %q", got)
	}
	if err := m.Remove(); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func TestWriteNeverOverwrites(t *testing.T) {
	made := issue(t, 2, 3)
	m := written(t, made)[0]
	card := filepath.Join(m.String(), CardFile)
	before := read(t, card)
	err := m.Write(HeaderOf("Contoso", made.Cards[1]), []byte("another"))
	expect(t, "write", err, failure{card + " already exists and is never overwritten", exitcode.Refused, ""})
	expect(t, "blank", m.Blank(), failure{card + ": this card is not blank, and cards are never overwritten",
		exitcode.Refused, "insert a blank medium, or remove that file if no world needs it"})
	if string(read(t, card)) != string(before) {
		t.Error("the card was overwritten")
	}
}

func TestWriteRefusesABadHeader(t *testing.T) {
	m := Folder(t.TempDir())
	err := m.Write(Header{}, []byte("sealed"))
	expect(t, "header", err, failure{"card header: field world: it is empty", exitcode.Failed, ""})
	if got := names(t, m); len(got) != 0 {
		t.Errorf("left behind: %q", got)
	}
}

func TestWriteSaysWhatFailed(t *testing.T) {
	card := issue(t, 1, 1).Cards[0]
	m := Folder(filepath.Join(t.TempDir(), "gone"))
	err := m.Write(HeaderOf("Contoso", card), []byte("sealed"))
	expect(t, "no folder", err, failure{
		filepath.Join(m.String(), CardFile) + " cannot be created: no such file or directory", exitcode.Failed, ""})
}

// TestAHeaderAloneIsBlank is what a power cut between the two files leaves.
func TestAHeaderAloneIsBlank(t *testing.T) {
	made := issue(t, 2, 3)
	m := written(t, made)[0]
	if err := os.Remove(filepath.Join(m.String(), CardFile)); err != nil {
		t.Fatal(err)
	}
	if err := m.Blank(); err != nil {
		t.Error(err)
	}
	if _, _, err := m.Read(); !errors.Is(err, ErrBlank) {
		t.Errorf("read: %v", err)
	}
	if err := m.Write(HeaderOf("Contoso", made.Cards[1]), []byte("sealed")); err != nil {
		t.Error(err)
	}
}

func TestBlankRefuses(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "file")
	put(t, plain, "")
	renewed := t.TempDir()
	put(t, filepath.Join(renewed, newFile), "")
	loop := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(t.TempDir(), "usb")
	for _, c := range []struct{ name, dir, text, hint string }{
		{"no folder", gone, gone + ": no such folder", hintMount},
		{"a file", plain, plain + ": no such folder", hintMount},
		{"a loop", loop, loop + ": too many levels of symbolic links", hintMount},
		{"a card sealed again", renewed,
			filepath.Join(renewed, newFile) + ": this card is not blank, and cards are never overwritten",
			"insert a blank medium, or remove that file if no world needs it"},
		{"not writable", "/proc", "/proc: cannot be written to: no such file or directory",
			"give a folder on a writable medium"},
	} {
		expect(t, c.name, Folder(c.dir).Blank(), failure{c.text, exitcode.Refused, c.hint})
	}
}

// TestReadRefusesAtOnce also holds that nothing is waited for: a pipe without
// a writer, or an endless device.
func TestReadRefusesAtOnce(t *testing.T) {
	good := string(seal0(t, issue(t, 1, 1).Cards[0], "p"))
	header := "look at that file; once it is removed, the card opens without it"
	blank := "insert the medium with the card, or name the folder the card is in"
	pipe := func(path string) { must(t, syscall.Mkfifo(path, 0o600)) }
	link := func(to string) func(path string) {
		return func(path string) { must(t, os.Symlink(to, path)) }
	}
	text := func(content string) func(path string) {
		return func(path string) { put(t, path, content) }
	}
	for _, c := range []struct {
		name, file string
		make       func(path string)
		text, hint string
	}{
		{"nothing there", "note.txt", text(""), "DIR: blank card, no byok-card.age in it", blank},
		{"dangling link", CardFile, link("nowhere"), "DIR: blank card, no byok-card.age in it", blank},
		{"a pipe", CardFile, pipe, "DIR/byok-card.age: a named pipe, not a file", hintOther},
		{"a folder", CardFile, func(path string) { must(t, os.Mkdir(path, 0o700)) },
			"DIR/byok-card.age: a folder, not a file", hintOther},
		{"link to a device", CardFile, link("/dev/zero"), "DIR/byok-card.age: a device, not a file", hintOther},
		{"too large", CardFile, text(strings.Repeat("x", maxFile+1)),
			"DIR/byok-card.age: larger than the 4096 bytes that such a file may have", hintOther},
		{"header a pipe", HeaderFile, pipe, "DIR/byok-card.json: a named pipe, not a file", header},
		{"header too large", HeaderFile, text(strings.Repeat("x", maxHeader+1)),
			"DIR/byok-card.json: larger than the 2048 bytes that such a file may have", header},
		{"header altered", HeaderFile, text("{}"),
			`DIR/byok-card.json: type is "", expected "byok-card-header"`, header},
	} {
		dir := t.TempDir()
		if c.file == HeaderFile {
			put(t, filepath.Join(dir, CardFile), good)
		}
		c.make(filepath.Join(dir, c.file))
		_, _, err := Folder(dir).Read()
		expect(t, c.name, err, failure{strings.ReplaceAll(c.text, "DIR", dir), exitcode.Refused, c.hint})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadFollowsALinkToACard(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "copy.age"), "sealed")
	must(t, os.Symlink("copy.age", filepath.Join(dir, CardFile)))
	h, sealed, err := Folder(dir).Read()
	if err != nil || h != (Header{}) || string(sealed) != "sealed" {
		t.Errorf("%+v, %q, %v", h, sealed, err)
	}
}

// TestReadFailsWhereTheSystemDoes: what cannot be read is not a matter of the
// rules, as a loop of links is.
func TestReadFailsWhereTheSystemDoes(t *testing.T) {
	for _, c := range []struct {
		target, why string
		code        exitcode.Code
	}{
		{CardFile, "too many levels of symbolic links", exitcode.Refused},
		{"/proc/self/mem", "input/output error", exitcode.Failed},
	} {
		card := filepath.Join(t.TempDir(), CardFile)
		must(t, os.Symlink(c.target, card))
		_, _, err := Folder(filepath.Dir(card)).Read()
		expect(t, c.target, err, failure{card + ": " + c.why, c.code, hintOther})
	}
	dir := t.TempDir()
	_, _, err := Folder(filepath.Join(dir, "usb")).Read()
	expect(t, "no folder", err, failure{dir + "/usb: no such folder", exitcode.Refused, hintMount})
}

func TestReplace(t *testing.T) {
	made := issue(t, 1, 1)
	m := written(t, made)[0]
	put(t, filepath.Join(m.String(), newFile), "left by an interrupted run")
	var seen string
	err := m.Replace([]byte("sealed again"), func(written []byte) error {
		seen = string(written)
		return nil
	})
	h, sealed, readErr := m.Read()
	if err != nil || readErr != nil || seen != "sealed again" || string(sealed) != seen || h.Holder != "Alice" {
		t.Errorf("%v, %v: %q of %v", err, readErr, sealed, h)
	}
	if got := names(t, m); !slices.Equal(got, []string{CardFile, HeaderFile}) {
		t.Errorf("in the folder: %q", got)
	}
}

func TestReplaceKeepsTheOldCard(t *testing.T) {
	m := written(t, issue(t, 1, 1))[0]
	_, before, err := m.Read()
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("does not open")
	if err := m.Replace([]byte("bad"), func([]byte) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("error %v", err)
	}
	_, after, err := m.Read()
	if err != nil || string(after) != string(before) {
		t.Errorf("the card is now %q, %v", after, err)
	}
	if got := names(t, m); !slices.Equal(got, []string{CardFile, HeaderFile}) {
		t.Errorf("in the folder: %q", got)
	}
}

func TestReplaceAndRemoveSayWhatFailed(t *testing.T) {
	m := Folder(t.TempDir())
	blocked := filepath.Join(m.String(), newFile)
	must(t, os.MkdirAll(filepath.Join(blocked, "full"), 0o700))
	want := failure{"remove " + blocked + ": directory not empty", exitcode.Failed, ""}
	expect(t, "replace", m.Replace([]byte("sealed"), func([]byte) error { return nil }), want)
	expect(t, "remove", m.Remove(), want)
	gone := Folder(filepath.Join(m.String(), "usb"))
	expect(t, "no folder", gone.Replace([]byte("sealed"), func([]byte) error { return nil }), failure{
		filepath.Join(gone.String(), newFile) + " cannot be created: no such file or directory", exitcode.Failed, ""})
}
