//go:build linux

package dialogue_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/version"
)

// TestPublishedHash comes from an option, or is asked for three times.
func TestPublishedHash(t *testing.T) {
	words := strings.Join(sum.Words(), " ")
	const prompt = "published hash of t.zip, hex or words: "
	ask := func(r *command.Run) error {
		got, err := dialogue.PublishedHash(r, "t.zip")
		if err == nil && got != sum {
			err = fmt.Errorf("%v", got)
		}
		return err
	}
	for name, c := range map[string]struct {
		args    []string
		answers []answer
	}{
		"hex": {[]string{"--sha256", sum.String()}, nil}, "words": {[]string{"--words", words}, nil},
		"typed after two slips": {nil, []answer{{prompt, "no"}, {prompt, "not yet"}, {prompt, words}}},
	} {
		if s := run(t, c.args, c.answers, ask); s.err != nil {
			t.Errorf("%s: %v", name, s.err)
		}
	}
	s := run(t, []string{"--sha256", sum.String(), "--words", words}, nil, ask)
	refused(t, "both", s.err, exitcode.Usage, "--sha256 and --words are mutually exclusive", "")
	for _, args := range [][]string{{"--sha256", "0a"}, {"--words", "no"}} {
		if s := run(t, args, nil, ask); exitcode.Of(s.err) != exitcode.Usage || !strings.HasPrefix(s.err.Error(), args[0]+": ") {
			t.Errorf("%q: %v", args, s.err)
		}
	}
	s = run(t, nil, []answer{{prompt, "a"}, {prompt, "b"}, {prompt, "c"}}, ask)
	if exitcode.Of(s.err) != exitcode.Usage || strings.Count(s.screen, "; try again\n") != 2 {
		t.Errorf("%v\n%s", s.err, s.screen)
	}
	s = run(t, nil, nil, ask)
	refused(t, "no terminal", s.err, exitcode.Usage, "cannot ask for the published hash of t.zip, hex or words: "+noTerminal,
		"give --sha256 HEX or --words WORDS")
}

// TestAccess says who signs: this program, as it is on the disk.
func TestAccess(t *testing.T) {
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := run(t, []string{"--module-path", "/lib/a.so"}, nil, func(r *command.Run) error {
		u := dialogue.New(r, true)
		a, err := dialogue.Access(r, dir, u)
		want := statement.Program{Version: version.String(), SHA256: fingerprint.Of(program)}
		if err == nil && (a.Dir != dir || a.Library != "/lib/a.so" || a.UI != session.UI(u) || a.Program != want) {
			err = fmt.Errorf("%+v", a)
		}
		return err
	})
	if s.err != nil {
		t.Error(s.err)
	}
}

// TestCeremonyLog: the log is what the session compares with the last
// statement; one that does not read whole does not contain its head.
func TestCeremonyLog(t *testing.T) {
	dir := t.TempDir()
	var log session.Log
	_ = run(t, nil, nil, func(r *command.Run) error {
		a, err := dialogue.Access(r, dir, dialogue.New(r, true))
		log = a.Log
		return err
	})
	path := ceremony.Path(dir)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(os.MkdirAll(filepath.Dir(path), 0o700))
	l, err := ceremony.Open(dir)
	ok(err)
	event := ceremony.Event{
		Phase: ceremony.Begin, Time: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC),
		Program: "byok-offline", Version: "1", Command: "world check", Operator: "ada",
	}
	_, err = l.Append(event)
	ok(err)
	head, err := log.Head()
	ok(err)
	if head.Lines != 1 {
		t.Errorf("%+v", head)
	}
	event.Phase, event.Began, event.Result = ceremony.End, 1, ceremony.Success
	_, err = l.Append(event)
	ok(err)
	events, found, err := log.Since(head)
	if err != nil || !found || !slices.Equal(events, []string{"2026-01-02 12:00 world check by ada: SUCCESS"}) {
		t.Errorf("%q %t %v", events, found, err)
	}
	other := head
	other.SHA256 = sum
	if events, found, err := log.Since(other); events != nil || found || err != nil {
		t.Errorf("another head: %q %t %v", events, found, err)
	}
	ok(os.WriteFile(path, []byte("torn"), 0o600))
	if events, found, err := log.Since(head); events != nil || found || err != nil {
		t.Errorf("a torn log: %q %t %v", events, found, err)
	}
	ok(os.Remove(path))
	ok(os.Mkdir(path, 0o700))
	if _, err := log.Head(); err == nil {
		t.Error("a folder has a head")
	}
}
