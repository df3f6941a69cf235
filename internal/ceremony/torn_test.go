package ceremony

import (
	"strings"
	"testing"

	"byok/internal/exitcode"
)

// TestPowerLoss cuts the last line at each of its bytes, as a power cut may,
// and goes on: the log stays good, says where, and is chained over the gap.
func TestPowerLoss(t *testing.T) {
	dir := newLog(t, 4)
	whole := content(t, dir)
	from := strings.LastIndex(strings.TrimSuffix(whole, "\n"), "\n") + 1
	survived := 0
	for n := from; n < len(whole); n++ {
		setContent(t, dir, whole[:n])
		appendEvents(t, reopen(t, dir), 5, 6)
		r := read(t, dir)
		if !strings.HasPrefix(content(t, dir), whole[:n]) {
			t.Fatalf("cut at %d: what was there is not there any more", n)
		}
		switch {
		case n == from: // nothing of the line was written
			wantNumbers(t, r, 1, 2, 3, 4, 5)
		case n == len(whole)-1: // only its end is missing
			wantNumbers(t, r, 1, 2, 3, 4, 5, 6)
		default:
			wantNumbers(t, r, 1, 2, 3, 5, 6)
			if r.Warnings[0] != "line 4 was cut short while it was written; the chain continues across it" {
				t.Fatalf("cut at %d: warnings %q", n, r.Warnings)
			}
		}
		survived++
	}
	t.Logf("%d of %d torn lines survived", survived, len(whole)-from)
}

func wantNumbers(t *testing.T, r Record, want ...int) {
	t.Helper()
	for i, e := range r.Events {
		if i >= len(want) || e.Seq != want[i] {
			t.Fatalf("event %d has the number %d, want %d", i, e.Seq, want)
		}
	}
	if len(r.Events) != len(want) {
		t.Fatalf("%d events, want %d", len(r.Events), want)
	}
}

// TestAroundATornLine: a torn line opens no gap in the chain. The event
// before it, the line itself and how many there are stay covered.
func TestAroundATornLine(t *testing.T) {
	dir := newLog(t, 4)
	whole := content(t, dir)
	setContent(t, dir, whole[:len(whole)-40])
	appendEvents(t, reopen(t, dir), 5, 6)
	whole = content(t, dir)
	lines := strings.Split(strings.TrimSuffix(whole, "\n"), "\n")
	replaced := func(n int, line string) string { return strings.Replace(whole, lines[n-1]+"\n", line, 1) }

	const altered = "line 4: not a whole event, and line 5 does not carry its hash; the log was altered there"
	for name, c := range map[string]struct{ data, want string }{
		"event before it edited": {replaced(3, strings.Replace(lines[2], "alice", "mallo", 1)+"\n"), altered},
		"torn line edited":       {replaced(4, strings.Replace(lines[3], "alice", "mallo", 1)+"\n"), altered},
		"torn line cut further":  {replaced(4, lines[3][:20]+"\n"), altered},
		"torn line emptied":      {replaced(4, "\n"), altered},
		"torn line removed":      {replaced(4, ""), "line 4: numbered 5; a line was removed or added"},
		"torn line doubled": {replaced(4, lines[3]+"\n"+lines[3]+"\n"),
			"line 6: numbered 5; a line was removed or added"},
		"torn line completed": {replaced(4, `{"seq":4,"time":"2026-01-02T03:04:04Z","phase":"end"}`+"\n"),
			"line 4: does not carry the hash of line 3; the log was altered there or before"},
		"event before it torn": {replaced(3, lines[2][:50]+"\n"), altered},
	} {
		setContent(t, dir, c.data)
		_, err := Read(dir)
		wantErr(t, name, dir, err, exitcode.Check, "DIR/local/ceremony.jsonl: "+c.want)
	}
}

// TestTornTwice: power is cut again while the next event is written, and at
// the first event of all.
func TestTornTwice(t *testing.T) {
	dir := newLog(t, 0)
	for _, rest := range []string{`{"seq":1,"ti`, `{"se`} {
		appendEvents(t, reopen(t, dir), 1, 1)
		whole := strings.TrimSuffix(content(t, dir), "\n")
		setContent(t, dir, whole[:strings.LastIndex(whole, "\n")+1]+rest)
		read(t, dir)
	}
	appendEvents(t, reopen(t, dir), 3, 4)
	r := read(t, dir)
	wantNumbers(t, r, 3, 4)
	wantWarnings(t, "two torn", r,
		"line 1 was cut short while it was written; the chain continues across it",
		"line 2 was cut short while it was written; the chain continues across it")
	setContent(t, dir, strings.Replace(content(t, dir), `{"seq":1,"ti`, `{"seq":1,"tI`, 1))
	_, err := Read(dir)
	wantErr(t, "the first one edited", dir, err, exitcode.Check,
		"DIR/local/ceremony.jsonl: line 2: not a whole event, and line 3 does not carry its hash; the log was "+
			"altered there")
}

// TestLaterRelease: an event that this release cannot read is an error, but
// appending behind it keeps the chain for the release that can.
func TestLaterRelease(t *testing.T) {
	dir := newLog(t, 2)
	whole := strings.Replace(content(t, dir), `"began":1`, `"began":1,"later":"field"`, 1)
	setContent(t, dir, whole)
	appendEvents(t, reopen(t, dir), 3, 3)
	_, err := Read(dir)
	wantErr(t, "a later release's", dir, err, exitcode.Check, "DIR/local/ceremony.jsonl: line 2: unknown field later")
	lines := strings.Split(content(t, dir), "\n")
	if want := sha256sum(t, lines[1]); !strings.HasSuffix(lines[2], `"previous":"`+want+`"}`) {
		t.Errorf("line 3 does not carry %s: %s", want, lines[2])
	}
}
