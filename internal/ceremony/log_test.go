package ceremony

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// TestRoundTrip: what was appended is read back, numbered and chained.
func TestRoundTrip(t *testing.T) {
	dir := newLog(t, 6)
	r := read(t, dir)
	wantWarnings(t, "a good log", r)
	if r.Path != Path(dir) || len(r.Events) != 6 {
		t.Fatalf("%d events of %s", len(r.Events), r.Path)
	}
	lines := strings.Split(content(t, dir), "\n")
	previous := fingerprint.Sum{}
	for i, got := range r.Events {
		want := event(i + 1)
		want.Seq, want.Previous = i+1, previous
		if !reflect.DeepEqual(got, want) {
			t.Errorf("event %d:\n got %+v\nwant %+v", i+1, got, want)
		}
		previous = fingerprint.Of([]byte(lines[i]))
	}
	if r.Head != (Head{6, previous}) {
		t.Errorf("head %v, want %v", r.Head, previous)
	}
}

// TestLine pins the format down: a log must be readable in ten years.
func TestLine(t *testing.T) {
	lines := strings.SplitAfter(content(t, newLog(t, 2)), "\n")
	want, err := os.ReadFile("testdata/two-events.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.SplitAfter(string(want), "\n") {
		if line != lines[i] {
			t.Errorf("line %d:\n got %s\nwant %s", i+1, lines[i], line)
		}
	}
}

// TestChainBySha256sum follows the chain with other people's programs.
func TestChainBySha256sum(t *testing.T) {
	dir := newLog(t, 4)
	want := strings.Repeat("0", 64)
	for i, line := range strings.Split(strings.TrimSpace(content(t, dir)), "\n") {
		var e struct{ Previous string }
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Previous != want {
			t.Errorf("line %d carries %s (%v), sha256sum says %s", i+1, e.Previous, err, want)
		}
		want = sha256sum(t, line)
	}
	if got := read(t, dir).Head.SHA256.String(); got != want {
		t.Errorf("head %s, sha256sum says %s", got, want)
	}
}

func sha256sum(t *testing.T, text string) string {
	t.Helper()
	cmd := exec.Command("sha256sum")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sha256sum (install coreutils): %v", err)
	}
	return string(out[:64])
}

// TestAppended: the number and head of an event, and the time of the one before.
func TestAppended(t *testing.T) {
	dir := newLog(t, 0)
	l := reopen(t, dir)
	before := time.Time{}
	for n := 1; n < 4; n++ {
		got, err := l.Append(event(n))
		if err != nil || got.Lines != n || !got.Before.Equal(before) || got.Head != read(t, dir).Head {
			t.Errorf("%+v, %v", got, err)
		}
		if head, err := l.Head(); err != nil || head != got.Head {
			t.Errorf("head %+v, %v", head, err)
		}
		before = event(n).Time
	}
	if err := os.Remove(Path(dir)); err != nil {
		t.Fatal(err)
	}
	_, err := l.Head()
	wantErr(t, "no log", dir, err, exitcode.Usage, "DIR/local/ceremony.jsonl: no ceremony log there")
}

func TestPermissions(t *testing.T) {
	dir := newLog(t, 1)
	if _, err := Hold(dir, "a test"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{
		dir: 0o700 | fs.ModeDir, dir + "/local": 0o700 | fs.ModeDir, Path(dir): 0o600, dir + "/local/.held-by": 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
		}
	}
}

// TestOpenKeepsTheLog: opening creates nothing but what is missing.
func TestOpenKeepsTheLog(t *testing.T) {
	dir := newLog(t, 2)
	before := content(t, dir)
	reopen(t, dir)
	if content(t, dir) != before {
		t.Error("the log was changed")
	}
}

func TestUnwritable(t *testing.T) {
	const hint = "name a folder you may write to with --kmdata"
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir+"/taken/local/"+FileName, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		code exitcode.Code
		why  string
	}{
		{"file", exitcode.Failed, "not a directory"},
		{"file/below", exitcode.Failed, "not a directory"},
		{"taken", exitcode.Refused, "a folder, not a file"},
	} {
		_, err := Open(dir + "/" + c.name)
		wantErr(t, c.name, dir+"/"+c.name, err, c.code,
			"ceremony log DIR/local/ceremony.jsonl cannot be written, so nothing was done: "+c.why)
		if got := exitcode.HintOf(err); got != hint {
			t.Errorf("%s: hint %q", c.name, got)
		}
	}
}

func TestAppendFails(t *testing.T) {
	const unrecorded = "ceremony log: the event could not be recorded: "
	dir := newLog(t, 2)
	l := reopen(t, dir)
	before := content(t, dir)

	big := event(3)
	big.Arguments = []string{strings.Repeat("x", MaxEvent)}
	_, err := l.Append(big)
	wantErr(t, "a large event", dir, err, exitcode.Failed, unrecorded+
		"33554678 bytes, more than the 33554432 an event may have")
	if content(t, dir) != before {
		t.Error("a refused event changed the log")
	}

	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	_, err = l.Append(event(3))
	wantErr(t, "no folder", dir, err, exitcode.Failed, unrecorded+
		"DIR/local/ceremony.jsonl cannot be appended to: no such file or directory")
}

// TestManyFiles: one command may read, write and note 10,000 packages.
func TestManyFiles(t *testing.T) {
	dir := newLog(t, 0)
	e := event(1)
	const packages = 10_000
	for i := range packages {
		name := fmt.Sprintf("/media/usb/for the vault of Contoso/KeyTransferPackage-ContosoKey-%05d.byok", i)
		e.AddInput(name, fingerprint.Of([]byte(name)))
		e.AddNote("key", fmt.Sprintf("https://contoso-vault-of-western-europe.vault.azure.net/keys/ContosoKey-%05d/"+
			"664f5aa2797a4075b8e36ca4500636d8", i))
		for range 8 {
			e.AddOutput(name, fingerprint.Of([]byte(name)))
		}
	}
	if _, err := reopen(t, dir).Append(e); err != nil {
		t.Fatal(err)
	}
	if got := read(t, dir).Events[0]; len(got.Inputs) != packages || len(got.Notes) != packages {
		t.Errorf("%d inputs, %d notes", len(got.Inputs), len(got.Notes))
	}
}

// TestForeignBytes: the name of a file need not be UTF-8, and must not keep
// the event out of the log.
func TestForeignBytes(t *testing.T) {
	dir := newLog(t, 0)
	e := event(1)
	e.Arguments = []string{"caf\xe9\n\x1b[2J\u2028\"\\"}
	e.AddInput("caf\xe9", fingerprint.Sum{1})
	if _, err := reopen(t, dir).Append(e); err != nil {
		t.Fatal(err)
	}
	got := read(t, dir).Events[0]
	if got.Arguments[0] != "caf\ufffd\n\x1b[2J\u2028\"\\" || got.Inputs[0].Path != "caf\ufffd" {
		t.Errorf("%q %q", got.Arguments, got.Inputs)
	}
	if strings.Count(content(t, dir), "\n") != 1 {
		t.Error("an event of more than one line")
	}
}
