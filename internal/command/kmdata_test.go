//go:build unix

package command_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"byok/internal/ceremony"
	"byok/internal/command"
)

// TestKMData: --kmdata, then BYOK_KMDATA, then the home folder.
func TestKMData(t *testing.T) {
	env := kmdata(t)
	home, here := os.Getenv("HOME"), t.TempDir()
	t.Chdir(here)
	here, err := filepath.EvalSymlinks(here)
	if err != nil {
		t.Fatal(err)
	}
	where := func(r *command.Run) (command.Result, error) {
		dir, err := r.KMData()
		return text(dir), err
	}
	for _, c := range []struct {
		env  string
		args []string
		want string
	}{
		{env, []string{"change"}, env},
		{env, []string{"change", "--kmdata", here + "/flag"}, here + "/flag"},
		{env, []string{"change", "--kmdata", "x/../relative"}, here + "/relative"},
		{"relative-env", []string{"change"}, here + "/relative-env"},
		{"", []string{"change"}, home + "/.byok/kmdata"},
	} {
		t.Setenv("BYOK_KMDATA", c.env)
		wantAnswer(t, c.want, run(t, program(where), c.args...), answer{0, c.want + "\nResult: SUCCESS\n", ""})
		if len(events(t, c.want)) != 2 {
			t.Errorf("%s: not recorded there", c.want)
		}
	}
	t.Setenv("HOME", "")
	t.Setenv("BYOK_KMDATA", "")
	for line, out := range map[string]string{"change": "Result: FAILURE\n", "look": "\n"} {
		wantAnswer(t, line, run(t, program(where), line), answer{2, out,
			"byok-test: error: no home folder to keep kmdata in\nbyok-test: hint: name a folder with --kmdata DIR\n"})
	}
}

// TestUnwritable: what cannot be recorded is not done.
func TestUnwritable(t *testing.T) {
	dir := kmdata(t)
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	never := func(*command.Run) (command.Result, error) {
		t.Error("the command ran")
		return nil, nil
	}
	text := fmt.Sprintf("ceremony log %s/local/ceremony.jsonl cannot be written, so nothing was done: not a "+
		"directory", dir)
	said := lines("byok-test: error: "+text, "byok-test: hint: name a folder you may write to with --kmdata")
	wantAnswer(t, "step", run(t, program(never), "change"), answer{1, "Result: FAILURE\n", said})
	wantAnswer(t, "JSON", run(t, program(never), "change", "--output", "json"), answer{1, lines(`{`,
		`  "command": "change",`, `  "result": "FAILURE",`,
		`  "status": 1,`, `  "error": "`+text+`",`, `  "hint": "name a folder you may write to with --kmdata"`,
		`}`), said})
}

// TestLogLost: a step whose end cannot be recorded has failed, and says what
// it did all the same.
func TestLogLost(t *testing.T) {
	dir := kmdata(t)
	log := filepath.Join(dir, "local", ceremony.FileName)
	for line, out := range map[string]string{"change": "made\nResult: FAILURE\n"} {
		got := run(t, program(func(*command.Run) (command.Result, error) {
			if err := os.Remove(log); err != nil {
				t.Error(err)
			}
			return text("made"), os.Mkdir(log, 0o700)
		}), line)
		wantAnswer(t, line, got, answer{1, out,
			"byok-test: error: ceremony log: the event could not be recorded: " + log +
				" cannot be appended to: a folder, not a file\n"})
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTwoSteps: the second step at once is refused with who the first is,
// and recorded; a command that only looks is not in the way.
func TestTwoSteps(t *testing.T) {
	dir := kmdata(t)
	refused := fmt.Sprintf("%s is in use by byok-test change, process N", dir)
	first := func(*command.Run) (command.Result, error) {
		second := run(t, program(given), "key", "make", "--holder", "h", "--ident", "k")
		second.err = clean(second.err)
		wantAnswer(t, "second step", second, answer{6, "Result: FAILURE\n",
			lines("byok-test: error: "+refused, "byok-test: hint: wait until it has ended, then run the command "+
				"again")})
		if e := last(t, dir); clean(e.Error) != refused || e.Status != 6 || e.Command != "key make" {
			t.Errorf("recorded %+v", e)
		}
		wantAnswer(t, "look", run(t, program(nothing), "look"), answer{0, "", ""})
		t.Setenv("BYOK_KMDATA", dir+"-other")
		wantAnswer(t, "another folder", run(t, program(nothing), "change"), answer{0, "Result: SUCCESS\n", ""})
		return nil, nil
	}
	wantAnswer(t, "first step", run(t, program(first), "change"), answer{0, "Result: SUCCESS\n", ""})
	t.Setenv("BYOK_KMDATA", dir)
	wantAnswer(t, "next step", run(t, program(nothing), "key", "make", "--holder", "h", "--ident", "k"), answer{0,
		"Result: SUCCESS\n", ""})
	if r, err := ceremony.Read(dir); err != nil || len(r.Warnings) > 0 || len(r.Events) != 6 {
		t.Errorf("%d events, %q, %v", len(r.Events), r.Warnings, err)
	}
}
