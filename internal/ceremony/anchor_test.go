package ceremony

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// worldLog is a log of 8 lines that begins with "toolset install" and "world
// create"; statement 1 was signed in line 3, statement 2 behind line 5, and
// statement 3 behind line 7.
func worldLog(t *testing.T) (dir string, heads []Anchored) {
	t.Helper()
	dir = newLog(t, 0)
	l := reopen(t, dir)
	for i, command := range []string{"toolset install", "world create", "key generate", "acl modify"} {
		for _, phase := range []Phase{Begin, End} {
			e := event(2*i + 1)
			e.Command, e.Phase = command, phase
			if phase == End {
				e.Began = 2*i + 1
			}
			if _, err := l.Append(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, lines := range []int{3, 5, 7} {
		heads = append(heads, Anchored{Statement: i + 1, Head: headAt(t, dir, lines)})
	}
	return dir, heads
}

// TestCheck: a log that contains every head, and what ran before the world.
func TestCheck(t *testing.T) {
	dir, heads := worldLog(t)
	r, err := Check(dir, heads)
	if err != nil || len(r.Events) != 8 || r.Head.Lines != 8 {
		t.Fatalf("%+v, %v", r, err)
	}
	wantWarnings(t, "good", r)
	if want := []string{"line 1: byok-offline toolset install"}; !slices.Equal(r.Before, want) {
		t.Errorf("before the world: %q", r.Before)
	}
}

// TestCheckRefuses: what a chain alone does not show. Each case must pass
// Read, or fail with its own text.
func TestCheckRefuses(t *testing.T) {
	dir, heads := worldLog(t)
	whole := content(t, dir)
	all := strings.SplitAfter(strings.TrimSuffix(whole, "\n"), "\n")
	other := content(t, newLog(t, 8))
	const altered = "keep this kmdata folder as it is, and compare its log with that of another copy"
	for _, c := range []struct {
		name, log, want string
	}{
		{"emptied", "", "empty, but statement 1 was signed over 3 lines; the log was emptied"},
		{"zeroed", strings.Repeat("\x00", len(whole)),
			"nothing but zero bytes; the record was overwritten, or its medium lost it"},
		{"second half zeroed", strings.Join(all[:4], "") + strings.Repeat("\x00", 900),
			"line 5: zero bytes; the record was overwritten there, or its medium lost it"},
		{"zeroed in the middle", strings.Join(all[:2], "") + strings.Repeat("\x00", len(all[2])) +
			strings.Join(all[3:], ""),
			"line 3: zero bytes; the record was overwritten there, or its medium lost it"},
		{"cut in half", strings.Join(all[:4], ""),
			"ends with line 4, but statement 2 was signed over 5 lines; its end was cut off, or this is an older copy"},
		{"cut by two lines", strings.Join(all[:6], ""),
			"ends with line 6, but statement 3 was signed over 7 lines; its end was cut off, or this is an older copy"},
		{"another log", other, "line 3 is not the one that statement 1 was signed over; the log was rewritten, " +
			"or is another world's"},
		{"two logs joined", whole + other, "line 9: a second log begins here; two logs were joined"},
		{"itself twice", whole + whole, "line 9: a second log begins here; two logs were joined"},
		{"text mode", strings.ReplaceAll(whole, "\n", "\r\n"),
			"its lines end in CR LF: it was copied in text mode"},
	} {
		setContent(t, dir, c.log)
		_, err := Check(dir, heads)
		wantErr(t, c.name, dir, err, exitcode.Check, "DIR/local/ceremony.jsonl: "+c.want)
		if hint := exitcode.HintOf(err); hint != altered {
			t.Errorf("%s: hint %q", c.name, hint)
		}
	}

	if err := os.Remove(Path(dir)); err != nil {
		t.Fatal(err)
	}
	_, err := Check(dir, heads)
	wantErr(t, "missing", dir, err, exitcode.Check,
		"DIR/local/ceremony.jsonl: missing, but statement 3 was signed over 7 lines of it")
	_, err = Check(dir, nil)
	wantErr(t, "missing, no world", dir, err, exitcode.Usage, "DIR/local/ceremony.jsonl: no ceremony log there")
}

// TestNoCreation: the log of a world holds the event that made the world.
func TestNoCreation(t *testing.T) {
	dir := newLog(t, 4)
	head := headAt(t, dir, 1)
	_, err := Check(dir, []Anchored{{Statement: 1, Head: head}})
	wantErr(t, "no creation", dir, err, exitcode.Check,
		"DIR/local/ceremony.jsonl: no world create in it, but there is a world")
	r, err := Check(dir, []Anchored{{Statement: 1, Head: head}, {Statement: 2, Head: head, Break: "the log was lost"}})
	if err != nil || len(r.Before) != 0 {
		t.Errorf("after a break: %q, %v", r.Before, err)
	}
	_, err = Check(dir, []Anchored{{Statement: 1, Head: Head{1, fingerprint.Sum{1}}}})
	wantErr(t, "another line", dir, err, exitcode.Check,
		"DIR/local/ceremony.jsonl: line 1 is not the one that statement 1 was signed over; the log was "+
			"rewritten, or is another world's")
}

// TestBreak: what a statement with a break excuses is a warning, up to the
// head of that statement and no further.
func TestBreak(t *testing.T) {
	dir, heads := worldLog(t)
	whole := content(t, dir)
	all := strings.SplitAfter(strings.TrimSuffix(whole, "\n"), "\n")
	// The power went while line 5 was written, and the disk lost it and what
	// was behind it. The next command goes on.
	setContent(t, dir, strings.Join(all[:4], "")+strings.Repeat("\x00", 100))
	l := reopen(t, dir)
	appendEvents(t, l, 5, 5)
	head, err := l.Head()
	if err != nil {
		t.Fatal(err)
	}
	broken := append(slices.Clone(heads), Anchored{Statement: 4, Head: head, Break: "power cut"})
	appendEvents(t, l, 7, 8)
	r, err := Check(dir, broken)
	if err != nil {
		t.Fatal(err)
	}
	const path, lost = "DIR/local/ceremony.jsonl: ", "; statement 4 gives the reason: power cut"
	wantWarnings(t, "broken", r, strings.ReplaceAll(path, "DIR", dir)+
		"line 5: zero bytes; the record was overwritten there, or its medium lost it",
		"line 5 was cut short while it was written; the chain continues across it",
		"line 6: byok-offline acl modify has no end: killed, or still running",
		strings.ReplaceAll(path, "DIR", dir)+"line 5 is not the one that statement 2 was signed over; the log "+
			"was rewritten, or is another world's"+lost,
		strings.ReplaceAll(path, "DIR", dir)+"line 7 is not the one that statement 3 was signed over; the log "+
			"was rewritten, or is another world's"+lost)
	wantNumbers(t, r, 1, 2, 3, 4, 6, 7, 8)

	// Behind the break, nothing is excused.
	after := content(t, dir)
	setContent(t, dir, strings.Replace(after, `"seq":7`, `"seq":8`, 1))
	_, err = Check(dir, broken)
	wantErr(t, "behind it", dir, err, exitcode.Check, path+"line 7: numbered 8; a line was removed or added")
	// Nor is the head of the statement with the break itself.
	setContent(t, dir, strings.Join(all[:4], ""))
	_, err = Check(dir, broken)
	wantErr(t, "itself", dir, err, exitcode.Check, path+"ends with line 4, but statement 4 was signed over 6 lines; "+
		"its end was cut off, or this is an older copy")
}

// TestReadSince: what is behind a head is checked, what is before it is not.
func TestReadSince(t *testing.T) {
	dir := newLog(t, 4)
	whole := content(t, dir)
	head := headAt(t, dir, 3)
	setContent(t, dir, strings.Replace(whole, "alice", "mallo", 1))
	r, err := ReadSince(dir, head)
	if err != nil || !r.Contains(head) || len(r.Warnings) != 2 || len(r.Events) != 1 || r.Count != 3 {
		t.Errorf("altered before: %+v, %v", r, err)
	}
	setContent(t, dir, strings.Replace(whole, `"seq":4`, `"seq":5`, 1))
	_, err = ReadSince(dir, head)
	wantErr(t, "altered behind", dir, err, exitcode.Check,
		"DIR/local/ceremony.jsonl: line 4: numbered 5; a line was removed or added")
	setContent(t, dir, strings.Replace(whole, `"seq":3`, `"seq":5`, 1))
	if r, err = ReadSince(dir, head); err == nil || r.Contains(head) {
		t.Errorf("the head itself altered: %+v, %v", r, err)
	}
	_, err = ReadSince(t.TempDir(), head)
	if exitcode.Of(err) != exitcode.Usage {
		t.Errorf("no log: %v", err)
	}
}

// TestHeads: heads of every length, and none beyond.
func TestHeads(t *testing.T) {
	dir, _ := worldLog(t)
	for n := range 9 {
		head := headAt(t, dir, n)
		r, err := ReadSince(dir, head)
		if err != nil || !r.Contains(head) || len(r.Since(head)) != 8-n || r.Head != headAt(t, dir, 8) {
			t.Errorf("%d lines: %v, %d events since, %+v", n, err, len(r.Events), r.Head)
		}
		head.SHA256[0] ^= 1
		if r, _ := ReadSince(dir, head); r.Contains(head) {
			t.Errorf("%d lines: contains another head", n)
		}
	}
	for _, lines := range []int{-1, 9} {
		beyond := Head{lines, headAt(t, dir, 8).SHA256}
		if r, err := ReadSince(dir, beyond); err != nil || r.Contains(beyond) {
			t.Errorf("contains a head of %d lines, %v", lines, err)
		}
	}
}

// TestClock: a clock set back is named where it was, once.
func TestClock(t *testing.T) {
	dir := newLog(t, 2)
	l := reopen(t, dir)
	for _, minutes := range []int{5, -5, -4, 6} {
		e := event(1)
		e.Time, e.Phase, e.Began = event(1).Time.Add(time.Duration(minutes)*time.Minute), End, 1
		if _, err := l.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	wantWarnings(t, "set back", read(t, dir),
		"line 4: its time 2026-01-02T02:59:01Z is before that of line 3, 2026-01-02T03:09:01Z: the clock was set back")
}

// TestOneEvent: what an event can be held to by itself.
func TestOneEvent(t *testing.T) {
	const began = "line 3: field began: expected the number of an earlier event, except in a begin"
	const sealed = "line 3: field seal: a seal has one, and nothing else has"
	for _, c := range []struct {
		name   string
		change func(*Event)
		want   string
	}{
		{"a begin that belongs to another", func(e *Event) { e.Began = 1 }, began},
		{"an end of nothing", func(e *Event) { e.Phase = End }, began},
		{"an end of itself", func(e *Event) { e.Phase, e.Began = End, 3 }, began},
		{"a negative begin", func(e *Event) { e.Phase, e.Began = End, -1 }, began},
		{"a seal without a seal", func(e *Event) { e.Phase, e.Began = Sealed, 1 }, sealed},
		{"a seal in a note", func(e *Event) { e.Phase, e.Began, e.Seal = Noted, 1, &Seal{} }, sealed},
		{"a program's hash in an end", func(e *Event) { e.Phase, e.Began, e.Executable = End, 1, fingerprint.Sum{7} },
			"line 3: field program_sha256: only a begin has one"},
		{"no time", func(e *Event) { e.Time = time.Time{} }, "line 3: field time: a time is missing"},
		{"a fraction", func(e *Event) { e.Time = e.Time.Add(1) },
			"line 3: field time: expected a time in whole seconds, such as 2026-11-25T19:05:00Z"},
		{"an offset", func(e *Event) { e.Time = e.Time.In(time.FixedZone("", 3600)) },
			"line 3: field time: expected a time in UTC, such as 2026-11-25T19:05:00Z"},
	} {
		dir := newLog(t, 2)
		e := event(3)
		c.change(&e)
		if _, err := reopen(t, dir).Append(e); err != nil {
			t.Fatal(err)
		}
		_, err := Read(dir)
		wantErr(t, c.name, dir, err, exitcode.Check, "DIR/local/ceremony.jsonl: "+c.want)
	}
}

// TestSeal: a module signs the head before its seal; a seal that does not hold
// fails with its line.
func TestSeal(t *testing.T) {
	dir := newLog(t, 2)
	l := reopen(t, dir)
	head, err := l.Head()
	if err != nil {
		t.Fatal(err)
	}
	e := event(3)
	e.Began = 1
	want := Seal{Module: "m", KML: fingerprint.Sum{7}, Signature: []byte("signature")}
	sealed, err := l.Seal(e, func(h Head) (Seal, error) {
		if h != head {
			t.Errorf("asked to seal %+v", h)
		}
		return want, nil
	})
	if err != nil || sealed.Lines != 3 {
		t.Fatalf("%+v, %v", sealed, err)
	}
	if text := string(head.Text()); text != "byok ceremony log seal v1\nlines 2\nsha256 "+head.SHA256.String()+"\n" {
		t.Errorf("signs %q", text)
	}

	calls := 0
	_, err = Reading{Seal: func(h Head, s Seal) error {
		calls++
		if h != head || s.Module != "m" || s.KML != want.KML || string(s.Signature) != "signature" {
			t.Errorf("checks %+v of %+v", s, h)
		}
		return nil
	}}.Check(dir)
	if err != nil || calls != 1 {
		t.Errorf("%d seals, %v", calls, err)
	}
	_, err = Reading{Seal: func(Head, Seal) error { return errors.New("another key made it") }}.Check(dir)
	wantErr(t, "does not hold", dir, err, exitcode.Check,
		"DIR/local/ceremony.jsonl: line 3: the seal does not hold: another key made it")

	before := content(t, dir)
	_, err = l.Seal(e, func(Head) (Seal, error) { return Seal{}, exitcode.Errorf(exitcode.HSM, "CKR_DEVICE_ERROR") })
	wantErr(t, "the module fails", dir, err, exitcode.HSM,
		"ceremony log: the event could not be recorded: CKR_DEVICE_ERROR")
	if content(t, dir) != before {
		t.Error("a seal that was not made is in the log")
	}
}
