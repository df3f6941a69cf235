package ceremony

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// TestMain lets the test binary play another process: see otherProcess.
func TestMain(m *testing.M) {
	if role := os.Getenv("CEREMONY_TEST_ROLE"); role != "" {
		play(role, os.Getenv("CEREMONY_TEST_KMDATA"))
		return
	}
	m.Run()
}

// event is the n-th event of a test log: begins and ends in turn.
func event(n int) Event {
	e := Event{
		Time:      time.Date(2026, 1, 2, 3, 4, n, 0, time.UTC),
		Program:   "byok-offline",
		Version:   "1.0.0",
		Command:   "acl modify",
		Phase:     Begin,
		Arguments: []string{"--ident=contosokey", "--card=/media/1"},
		Operator:  "alice@vault-room",
	}
	if n%2 == 1 {
		return e
	}
	e.Phase, e.Began, e.Result, e.Millis = End, n-1, Success, 1234
	e.Module = &Module{Library: "/usr/lib/libpkcs11.so", Model: "M1", Serial: "0123"}
	e.AddInput("BYOK-KEK-pkg-CONTOSO-1", fingerprint.Of([]byte("in")))
	e.AddOutput("key_xferacld_contosokey", fingerprint.Of([]byte("out")))
	e.AddNote("card", "1 of Alice")
	return e
}

// newLog returns a kmdata folder with a log of n events.
func newLog(t testing.TB, n int) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "kmdata")
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	appendEvents(t, l, 1, n)
	return dir
}

func appendEvents(t testing.TB, l *Log, from, to int) {
	t.Helper()
	began := from - 1
	for n := from; n <= to; n++ {
		e := event(n)
		if e.Phase == End {
			e.Began = began
		}
		a, err := l.Append(e)
		if err != nil {
			t.Fatal(err)
		}
		began = a.Lines
	}
}

func reopen(t testing.TB, dir string) *Log {
	t.Helper()
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func content(t testing.TB, dir string) string {
	t.Helper()
	data, err := os.ReadFile(Path(dir))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func setContent(t testing.TB, dir, data string) {
	t.Helper()
	if err := os.WriteFile(Path(dir), []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, dir string) Record {
	t.Helper()
	r, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantErr compares a whole error, with DIR for the kmdata folder.
func wantErr(t testing.TB, name, dir string, err error, status exitcode.Code, want string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want %s", name, want)
		return
	}
	if got := strings.ReplaceAll(err.Error(), dir, "DIR"); got != want || exitcode.Of(err) != status {
		t.Errorf("%s:\n got %s (status %d)\nwant %s (status %d)", name, got, exitcode.Of(err), want, status)
	}
}

func wantWarnings(t testing.TB, name string, r Record, want ...string) {
	t.Helper()
	if got := strings.Join(r.Warnings, "; "); got != strings.Join(want, "; ") {
		t.Errorf("%s: warnings\n got %s\nwant %s", name, got, strings.Join(want, "; "))
	}
}

// headAt is the head of a log when it had so many lines, none of them torn.
func headAt(t testing.TB, dir string, lines int) Head {
	t.Helper()
	if lines == 0 {
		return Head{}
	}
	return Head{lines, fingerprint.Of([]byte(strings.Split(content(t, dir), "\n")[lines-1]))}
}
