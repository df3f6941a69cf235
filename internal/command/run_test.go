//go:build unix

package command_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// failing is a command that found something and says why that is not good.
func failing(err error) command.Func {
	return func(*command.Run) (command.Result, error) { return text("found"), err }
}

func nothing(*command.Run) (command.Result, error) { return nil, nil }

// TestText: what each kind of command prints.
func TestText(t *testing.T) {
	broken := exitcode.Hint(exitcode.Errorf(exitcode.Check, "F: the hash differs"), "byok-test look")
	const said = "byok-test: error: F: the hash differs\nbyok-test: hint: byok-test look\n"
	for line, c := range map[string]struct {
		f    command.Func
		want answer
	}{
		"change":                        {given, answer{0, "\nResult: SUCCESS\n", ""}},
		"look":                          {given, answer{0, "\n", ""}},
		"peek":                          {given, answer{0, "\nResult: SUCCESS\n", ""}},
		"change 1":                      {failing(broken), answer{3, "found\nResult: FAILURE\n", said}},
		"look 1":                        {failing(broken), answer{3, "found\n", said}},
		"peek 1":                        {failing(broken), answer{3, "found\nResult: FAILURE\n", said}},
		"change 2":                      {nothing, answer{0, "Result: SUCCESS\n", ""}},
		"look 2":                        {nothing, answer{0, "", ""}},
		"key make --holder h --ident k": {nothing, answer{0, "Result: SUCCESS\n", ""}},
		"key list":                      {nothing, answer{0, "", ""}},
		"key list ":                     {failing(errors.New("plain")), answer{1, "found\n", "byok-test: error: plain\n"}},
	} {
		kmdata(t)
		wantAnswer(t, line, run(t, program(c.f), strings.Fields(line)...), c.want)
	}
}

// TestJSON: one envelope for success and failure, whatever the kind.
func TestJSON(t *testing.T) {
	broken := exitcode.Hint(exitcode.Errorf(exitcode.Refused, `"F" exists`), "byok-test look")
	success := lines(`{`, `  "command": "look",`, `  "result": "SUCCESS",`, `  "status": 0,`,
		`  "data": "vault=\"U\""`, `}`)
	failure := lines(`{`, `  "command": "key make",`, `  "result": "FAILURE",`, `  "status": 6,`,
		`  "error": "\"F\" exists",`, `  "hint": "byok-test look",`, `  "data": "found"`, `}`)
	for line, c := range map[string]struct {
		f    command.Func
		want answer
	}{
		"look --output json --vault U": {given, answer{0, success, ""}},
		"look --vault=U --output=json": {given, answer{0, success, ""}},
		"change --output json": {nothing, answer{0, lines(`{`, `  "command": "change",`,
			`  "result": "SUCCESS",`, `  "status": 0`, `}`), ""}},
		"key make --holder h --ident k --output json": {failing(broken), answer{6, failure,
			"byok-test: error: \"F\" exists\nbyok-test: hint: byok-test look\n"}},
	} {
		kmdata(t)
		wantAnswer(t, line, run(t, program(c.f), strings.Fields(line)...), c.want)
	}
}

// TestJSONWithoutACommand: a script that parses stdout gets an object, also
// where no command ran.
func TestJSONWithoutACommand(t *testing.T) {
	dir := kmdata(t)
	for _, line := range []string{"chagne --output json", "--output=json chagne", "chagne -output=json"} {
		const said, hint = `unknown command "chagne"`, "byok-test change"
		object := lines(`{`, `  "command": "",`, `  "result": "FAILURE",`, `  "status": 2,`,
			`  "error": "`+strings.ReplaceAll(said, `"`, `\"`)+`",`, `  "hint": "`+hint+`"`, `}`)
		wantAnswer(t, line, run(t, program(given), strings.Fields(line)...),
			answer{2, object, lines("byok-test: error: "+said, "byok-test: hint: "+hint)})
	}
	p := program(given)
	var said strings.Builder
	p.Console.Out, p.Console.Err = &full{0}, &said
	status := p.Main(context.Background(), []string{"chagne", "--output", "json"})
	wantAnswer(t, "stdout fails", answer{status, "", said.String()}, answer{2, "", lines(
		`byok-test: error: unknown command "chagne"`,
		"byok-test: error: the result could not be printed: no space left on device",
		"byok-test: hint: byok-test change")})
	wantUntouched(t, "nothing ran", dir)
}

// TestStatus: the error decides, and nothing it says can pass for another line.
func TestStatus(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		said   string
	}{
		"unmarked": {errors.New("broken"), 1, "byok-test: error: broken\n"},
		"usage":    {exitcode.Errorf(exitcode.Usage, "bad"), 2, "byok-test: error: bad\n"},
		"HSM": {fmt.Errorf("token: %w", exitcode.Errorf(exitcode.HSM, "CKR_PIN_INCORRECT")), 4,
			"byok-test: error: token: CKR_PIN_INCORRECT\n"},
		"vault":     {exitcode.Errorf(exitcode.Vault, "down"), 5, "byok-test: error: down\n"},
		"cancelled": {exitcode.Mark(exitcode.Vault, context.Canceled), 130, "byok-test: error: context canceled\n"},
		"two at once": {errors.Join(errors.New("first"), exitcode.Errorf(exitcode.HSM, "second")), 4,
			"byok-test: error: first\nbyok-test: error: second\n"},
		"joined, then marked": {exitcode.Hint(exitcode.Mark(exitcode.Check, errors.Join(errors.New("first"),
			errors.Join(errors.New("second"),
				exitcode.Errorf(exitcode.HSM, "third").Hint("one")))), "all"), 4,
			"byok-test: error: first\nbyok-test: error: second\nbyok-test: error: third\nbyok-test: hint: " +
				"one\nbyok-test: hint: all\n"},
		"two causes": {fmt.Errorf("%w; %w", errors.New("a"), errors.New("b")), 1, "byok-test: error: a; b\n"},
		"foreign text": {errors.New("a\nResult: SUCCESS\x1b[2J\rx"), 1,
			"byok-test: error: a\\nResult: SUCCESS\\x1b[2J\\rx\n"},
		"foreign text, joined": {errors.Join(errors.New("a\nb"), errors.New("c")), 1,
			"byok-test: error: a\\nb\nbyok-test: error: c\n"},
		"hint only": {exitcode.Hint(errors.New("a"), "b\nc"), 1, "byok-test: error: a\nbyok-test: hint: b\\nc\n"},
	} {
		dir := kmdata(t)
		got := run(t, program(failing(c.err)), "change")
		wantAnswer(t, name, got, answer{c.status, "found\nResult: FAILURE\n", c.said})
		if e := last(t, dir); e.Status != c.status || e.Error != c.err.Error() || e.Result != ceremony.Failure {
			t.Errorf("%s: recorded %d %s %q", name, e.Status, e.Result, e.Error)
		}
	}
}

// TestRecord: both events of a command, whole.
func TestRecord(t *testing.T) {
	dir := kmdata(t)
	started := time.Now().UTC().Truncate(time.Second)
	wantAnswer(t, "change", run(t, program(func(r *command.Run) (command.Result, error) {
		if len(events(t, dir)) != 1 {
			t.Error("the command runs before its begin is in the log")
		}
		r.Event.Rehearsal = true
		r.Event.Module = &ceremony.Module{Serial: "0123"}
		r.Event.AddInput("in", fingerprint.Sum{1})
		r.Event.AddOutput("out", fingerprint.Sum{2})
		r.Event.AddNote("card", "1 of Alice")
		return nil, exitcode.Errorf(exitcode.HSM, "CKR_DEVICE_ERROR")
	}), "change", "F", "--yes"), answer{4, "Result: FAILURE\n", "byok-test: error: CKR_DEVICE_ERROR\n"})

	all := events(t, dir)
	if len(all) != 2 {
		t.Fatalf("%d events", len(all))
	}
	sum, err := command.ExecutableSum()
	if err != nil {
		t.Fatal(err)
	}
	begin := ceremony.Event{
		Seq: 1, Time: all[0].Time, Program: "byok-test", Version: "1.2.3", Executable: sum,
		Command: "change", Phase: ceremony.Begin,
		Arguments: []string{"--yes=true", "--kmdata=" + dir, "F"}, Operator: all[0].Operator,
	}
	end := begin
	end.Seq, end.Phase, end.Began, end.Time, end.Millis, end.Previous = 2, ceremony.End, 1, all[1].Time,
		all[1].Millis, all[1].Previous
	end.Executable = fingerprint.Sum{}
	end.Rehearsal, end.Module = true, &ceremony.Module{Serial: "0123"}
	end.AddInput("in", fingerprint.Sum{1})
	end.AddOutput("out", fingerprint.Sum{2})
	end.AddNote("card", "1 of Alice")
	end.Result, end.Status, end.Error = ceremony.Failure, 4, "CKR_DEVICE_ERROR"
	for i, want := range []ceremony.Event{begin, end} {
		if !reflect.DeepEqual(all[i], want) {
			t.Errorf("event %d:\n got %+v\nwant %+v", i+1, all[i], want)
		}
		if all[i].Time.Before(started) || all[i].Time.After(time.Now()) || all[i].Time.Location() != time.UTC {
			t.Errorf("event %d: time %v", i+1, all[i].Time)
		}
	}
	if host, _ := os.Hostname(); !strings.HasSuffix(all[0].Operator, "@"+
		host) || strings.HasPrefix(all[0].Operator, "@") {
		t.Errorf("operator %q", all[0].Operator)
	}
}

// TestLookingNeverWrites: no trace, no folder, and a read-only one is enough.
func TestLookingNeverWrites(t *testing.T) {
	dir := kmdata(t)
	notes := func(r *command.Run) (command.Result, error) {
		return nil, r.Note(ceremony.Note{Name: "compared", Value: "yes"})
	}
	for name, want := range map[string]string{"look": "", "peek": "Result: SUCCESS\n"} {
		wantAnswer(t, name, run(t, program(notes), name), answer{0, want, ""})
		wantUntouched(t, name, dir)
	}
}

// TestBetween: a note and a seal are in the log before the command ends, and
// belong to it.
func TestBetween(t *testing.T) {
	dir := kmdata(t)
	seal := ceremony.Seal{Module: "m", KML: fingerprint.Sum{1}, Signature: []byte{2}}
	run(t, program(func(r *command.Run) (command.Result, error) {
		r.Event.Rehearsal, r.Event.Module = true, &ceremony.Module{Serial: "0123"}
		if err := r.Note(ceremony.Note{Name: "compared", Value: "by Alice"}); err != nil {
			return nil, err
		}
		return nil, r.Seal(func(ceremony.Head) (ceremony.Seal, error) { return seal, nil })
	}), "change")
	all := events(t, dir)
	if len(all) != 4 {
		t.Fatalf("%d events", len(all))
	}
	note, sealed := all[1], all[2]
	if note.Phase != ceremony.Noted || note.Began != 1 || note.Notes[0].Value != "by Alice" ||
		note.Module.Serial != "0123" || !note.Rehearsal {
		t.Errorf("note %+v", note)
	}
	if sealed.Phase != ceremony.Sealed || sealed.Began != 1 || !reflect.DeepEqual(*sealed.Seal, seal) {
		t.Errorf("seal %+v", sealed)
	}
}

// TestClockSetBack: whoever works with a wrong clock is told, against the log.
func TestClockSetBack(t *testing.T) {
	dir := kmdata(t)
	l, err := ceremony.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	later := time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := l.Append(ceremony.Event{Time: later, Phase: ceremony.Begin}); err != nil {
		t.Fatal(err)
	}
	got := run(t, program(nothing), "change")
	const before, behind = "byok-test: warning: the clock of this computer says ",
		", and the last event in the log was at 2199-01-01T00:00:00Z: set the clock\n"
	if !strings.HasPrefix(got.err, before) || !strings.HasSuffix(got.err, behind) || got.status != 0 {
		t.Errorf("%+v", got)
	}
}

// secretive panics with a secret among its arguments.
func secretive(pin string, table []int) (command.Result, error) {
	return text(fmt.Sprint(table[len(pin)])), nil
}

// TestPanic: a message, a trace of names alone, status 1, recorded, and the
// folder free for the next step.
func TestPanic(t *testing.T) {
	dir := kmdata(t)
	p := program(func(*command.Run) (command.Result, error) { return secretive("hunter2", []int{1}) })
	got := run(t, p, "change", "F")
	const message = "internal error, nothing more was done: runtime error: index out of range [7] with length 1"
	hint := "byok-test: hint: report it with version 1.2.3 and this trace: byok/internal/command_test.secretive " +
		"< byok/internal/command_test.TestPanic.func1 < "
	said, trace, _ := strings.Cut(got.err, hint)
	wantAnswer(t, "panic", answer{got.status, got.out, said}, answer{1, "Result: FAILURE\n",
		lines("byok-test: error: " + message)})
	if strings.Contains(trace, "0x") || strings.Contains(trace, "{") || !strings.HasSuffix(trace,
		"byok/internal/command_test.TestPanic\n") {
		t.Errorf("trace %s", trace)
	}
	if e := last(t, dir); e.Result != ceremony.Failure || e.Status != 1 || e.Error != message {
		t.Errorf("recorded %+v", e)
	}
	wantAnswer(t, "after it", run(t, program(nothing), "change"), answer{0, "Result: SUCCESS\n", ""})
}

// panicking is a Result that cannot be printed.
type panicking struct{ text }

func (panicking) Print(io.Writer) error { panic("no such word") }

// TestPanicElsewhere: in what prints a result, and in a program that is made wrong.
func TestPanicElsewhere(t *testing.T) {
	dir := kmdata(t)
	const message = "byok-test: error: internal error, nothing more was done: "
	got := run(t, program(func(*command.Run) (command.Result, error) { return panicking{}, nil }), "change")
	if said, _, _ := strings.Cut(got.err, "\n"); got.status != 1 || said != message+"no such word" || got.out != "" {
		t.Errorf("%+v", got)
	}
	if e := last(t, dir); e.Result != ceremony.Success {
		t.Errorf("recorded %+v", e)
	}

	p := program(nothing)
	p.Commands = append(p.Commands, nil)
	got = run(t, p, "change")
	if said, _, _ := strings.Cut(got.err, "\n"); got.status != 1 || said != message+
		"runtime error: invalid memory address or nil pointer dereference" || got.out != "" {
		t.Errorf("%+v", got)
	}
}

// TestExplain adds to the hint of every error of a command, and to nothing else.
func TestExplain(t *testing.T) {
	explained := func(fails error) *command.Program {
		p := program(func(*command.Run) (command.Result, error) { return nil, fails })
		p.Explain = func(_ *command.Run, err error) error { return exitcode.Hint(err, "explained") }
		return p
	}
	wantAnswer(t, "done", run(t, explained(nil), "change"), answer{0, "Result: SUCCESS\n", ""})
	for line, want := range map[string]string{"change": "Result: FAILURE\n", "look": "", "peek": "Result: FAILURE\n"} {
		p := explained(exitcode.Errorf(exitcode.HSM, "failed"))
		wantAnswer(t, line, run(t, p, line), answer{4, want, "byok-test: error: failed\nbyok-test: hint: explained\n"})
	}
}

// TestPrepare runs before every command, inside its record.
func TestPrepare(t *testing.T) {
	dir := kmdata(t)
	ran := 0
	withPrepare := func(prepare func(*command.Run) error) *command.Program {
		p := program(func(*command.Run) (command.Result, error) { ran++; return nil, nil })
		p.Prepare = prepare
		return p
	}
	p := withPrepare(func(r *command.Run) error { r.Event.AddNote("network", "allowed"); return nil })
	wantAnswer(t, "prepared", run(t, p, "change"), answer{0, "Result: SUCCESS\n", ""})
	if e := last(t, dir); len(e.Notes) != 1 || e.Notes[0] != (ceremony.Note{Name: "network",
		Value: "allowed"}) || ran != 1 {
		t.Errorf("recorded %+v, ran %d times", e, ran)
	}
	for line, want := range map[string]string{"change": "Result: FAILURE\n", "look": "", "peek": "Result: FAILURE\n"} {
		p = withPrepare(func(*command.Run) error { return errors.New("no seccomp") })
		wantAnswer(t, line, run(t, p, line), answer{1, want, "byok-test: error: no seccomp\n"})
	}
	run(t, withPrepare(func(*command.Run) error { return errors.New("no seccomp") }), "change")
	if e := last(t, dir); e.Error != "no seccomp" || e.Status != 1 || ran != 1 {
		t.Errorf("recorded %+v, ran %d times", e, ran)
	}
	got := run(t, withPrepare(func(*command.Run) error { panic("no kernel") }), "change")
	if said, _, _ := strings.Cut(got.err, "\n"); said != "byok-test: error: internal error, nothing more was "+
		"done: no kernel" || ran != 1 {
		t.Errorf("%+v", got)
	}
}
