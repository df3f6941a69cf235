//go:build unix

package command_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/exitcode"
)

// watched runs a command line and returns all that its watcher gets to know,
// as it comes out of JSON.
func watched(t *testing.T, f command.Func, args ...string) (seen []command.Running) {
	t.Helper()
	return watchedIn(t, program(f), args...)
}

func watchedIn(t *testing.T, p *command.Program, args ...string) (seen []command.Running) {
	t.Helper()
	p.Watch = func(r command.Running) {
		var copied command.Running
		data, err := json.Marshal(r)
		if err := errors.Join(err, json.Unmarshal(data, &copied)); err != nil {
			t.Fatal(err)
		}
		seen = append(seen, copied)
	}
	run(t, p, args...)
	return seen
}

// TestWatch: who watches knows what a command would still have to say.
func TestWatch(t *testing.T) {
	dir := kmdata(t)
	seen := watched(t, func(r *command.Run) (command.Result, error) {
		r.Event.Rehearsal = true
		return nil, r.Note(ceremony.Note{Name: "n", Value: "t"})
	}, "change", "--output", "json")
	if len(seen) != 5 {
		t.Fatalf("%+v", seen)
	}
	for i, what := range []string{"the command", "its begin", "its note"} {
		if r := seen[i]; r.Command != "change" || !r.JSON || !r.ResultLine || (r.Event != nil) != (i > 0) ||
			i > 0 && (r.KMData != dir || r.Began != 1 || r.Start.IsZero() || r.Event.Rehearsal != (i == 2)) {
			t.Errorf("%s: %+v", what, r)
		}
	}
	if r := seen[3]; r.Event != nil || !r.ResultLine {
		t.Errorf("its end: %+v", r)
	}
	if seen[4] != (command.Running{}) {
		t.Errorf("its result: %+v", seen[4])
	}
	seen = watched(t, given, "look")
	if len(seen) != 2 || seen[0] != (command.Running{Command: "look"}) || seen[1] != (command.Running{}) {
		t.Errorf("a command that only looks: %+v", seen)
	}
}

// TestWatchPrepared: what a program notes before the command is known before it, since
// a library may end the process at its first call.
func TestWatchPrepared(t *testing.T) {
	kmdata(t)
	note := ceremony.Note{Name: "network", Value: "allowed"}
	p := program(func(r *command.Run) (command.Result, error) {
		r.Event.AddNote("later", "on")
		return nil, nil
	})
	p.Prepare = func(r *command.Run) error {
		r.Event.AddNote(note.Name, note.Value)
		return nil
	}
	before := watchedIn(t, p, "change")
	if len(before) != 5 || before[1].Event.Notes != nil || !slices.Equal(before[2].Event.Notes, []ceremony.Note{note}) {
		t.Errorf("%+v", before)
	}
}

// abandoned ends a command in another process's place.
func abandoned(t *testing.T, r *command.Running) answer {
	t.Helper()
	var out, errs bytes.Buffer
	p := program(given)
	p.Console.Out, p.Console.Err = &out, &errs
	status := p.Abandon(r, exitcode.Errorf(exitcode.HSM, "it has died").Hint("byok-test change"))
	return answer{status, out.String(), errs.String()}
}

// TestAbandon: what a process did not come to say is said in its place, and
// the end of its step is in the log.
func TestAbandon(t *testing.T) {
	const said = "byok-test: error: it has died\nbyok-test: hint: byok-test change\n"
	dir := kmdata(t)
	var begun []command.Running
	cut := func(args ...string) *command.Running { // as it was when the command began
		begun = watched(t, given, args...)
		return &begun[len(begun)-3]
	}
	step := cut("change")
	wantAnswer(t, "a step", abandoned(t, step), answer{4, "Result: FAILURE\n", said})
	if e := last(t, dir); e.Began != step.Began || e.Status != 4 || e.Error != "it has died" || e.Result != ceremony.Failure {
		t.Errorf("recorded %+v", e)
	}
	object := lines(`{`, `  "command": "change",`, `  "result": "FAILURE",`, `  "status": 4,`,
		`  "error": "it has died",`, `  "hint": "byok-test change"`, `}`)
	wantAnswer(t, "as JSON", abandoned(t, cut("change", "--output", "json")), answer{4, object, said})
	wantAnswer(t, "a look", abandoned(t, &command.Running{Command: "look"}), answer{4, "", said})
	wantAnswer(t, "shown already", abandoned(t, &command.Running{}), answer{4, "", said})
	wantAnswer(t, "not begun", abandoned(t, command.Unrun([]string{"look", "--output=json"})), answer{4,
		lines(`{`, `  "command": "",`, `  "result": "FAILURE",`, `  "status": 4,`,
			`  "error": "it has died",`, `  "hint": "byok-test change"`, `}`), said})
}

// TestAbandonWithoutALog: what stands in the way of the record is said as well.
func TestAbandonWithoutALog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := abandoned(t, &command.Running{Command: "change", ResultLine: true, KMData: file, Event: &ceremony.Event{}})
	want := "byok-test: error: it has died\nbyok-test: error: the end of this step could not be written to the log in " +
		file + "\nbyok-test: hint: byok-test change\nbyok-test: hint: note it on paper, with the date and the time\n"
	wantAnswer(t, "a file in place of kmdata", got, answer{4, "Result: FAILURE\n", want})
}
