package ceremony

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
)

// TestNoLog: what Read says where there is nothing to check.
func TestNoLog(t *testing.T) {
	dir := t.TempDir()
	_, err := Read(dir)
	wantErr(t, "missing", dir, err, exitcode.Usage, "DIR/local/ceremony.jsonl: no ceremony log there")
	if got := exitcode.HintOf(err); got != "name the folder with --kmdata" {
		t.Errorf("hint %q", got)
	}

	r := read(t, newLog(t, 0))
	wantWarnings(t, "empty", r, "the log has no events")
	if len(r.Events) != 0 || r.Head != (Head{}) {
		t.Errorf("empty: %+v", r)
	}

	dir = newLog(t, 1)
	if err := os.Truncate(Path(dir), maxLog+1); err != nil {
		t.Fatal(err)
	}
	_, err = Read(dir)
	wantErr(t, "over-size", dir, err, exitcode.Check,
		"DIR/local/ceremony.jsonl cannot be read: larger than the 1073741824 bytes that such a file may have")

	if err := os.Remove(Path(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(Path(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = Read(dir)
	wantErr(t, "a folder", dir, err, exitcode.Check, "DIR/local/ceremony.jsonl cannot be read: a folder, not a file")
}

// TestTampering: one fault each in a log of six lines, with the whole text.
func TestTampering(t *testing.T) {
	dir := newLog(t, 6)
	whole := strings.Split(strings.TrimSuffix(content(t, dir), "\n"), "\n")
	edit := func(n int, from, to string) func([]string) []string {
		return func(l []string) []string {
			if strings.Count(l[n-1], from) != 1 {
				t.Fatalf("line %d has %q %d times", n, from, strings.Count(l[n-1], from))
			}
			l[n-1] = strings.Replace(l[n-1], from, to, 1)
			return l
		}
	}
	forged := strings.Replace(whole[2], "contosokey", "otherkey", 1)
	for name, c := range map[string]struct {
		fault func(l []string) []string
		want  string
	}{
		"first edited": {edit(1, "alice", "mallo"),
			"line 2: does not carry the hash of line 1; the log was altered there or before"},
		"third edited": {edit(3, "contosokey", "otherkey"),
			"line 4: does not carry the hash of line 3; the log was altered there or before"},
		"failure made good": {edit(4, "SUCCESS", "FAILURE"),
			"line 5: does not carry the hash of line 4; the log was altered there or before"},
		"blank added": {edit(3, `"seq":3,`, `"seq":3, `),
			"line 3: not as the program writes it; the log was altered there"},
		"Windows line end": {func(l []string) []string { l[2] += "\r"; return l },
			"line 3: not as the program writes it; the log was altered there"},
		"first removed": {func(l []string) []string { return l[1:] },
			"line 1: numbered 2; a line was removed or added"},
		"third removed": {func(l []string) []string { return slices.Delete(l, 2, 3) },
			"line 3: numbered 4; a line was removed or added"},
		"two swapped": {func(l []string) []string { l[2], l[3] = l[3], l[2]; return l },
			"line 3: numbered 4; a line was removed or added"},
		"third doubled": {func(l []string) []string { return slices.Insert(l, 3, l[2]) },
			"line 4: numbered 3; a line was removed or added"},
		"last doubled": {func(l []string) []string { return append(l, l[5]) },
			"line 7: numbered 6; a line was removed or added"},
		"forged inserted": {func(l []string) []string { return slices.Insert(l, 2, forged) },
			"line 4: numbered 3; a line was removed or added"},
		"forged in place": {func(l []string) []string { l[2] = forged; return l },
			"line 4: does not carry the hash of line 3; the log was altered there or before"},
		"empty line inserted": {func(l []string) []string { return slices.Insert(l, 2, "") },
			"line 4: numbered 3; a line was removed or added"},
		"empty line at end": {func(l []string) []string { return append(l, "") },
			"line 7: not a whole event; the log was altered there"},
		"not JSON": {edit(3, `"seq":3`, `"seq:3`),
			"line 3: not a whole event, and line 4 does not carry its hash; the log was altered there"},
		"cut by a byte": {func(l []string) []string { l[2] = l[2][:len(l[2])-1]; return l },
			"line 3: not a whole event, and line 4 does not carry its hash; the log was altered there"},
		"first cut": {func(l []string) []string { l[0] = l[0][1:]; return l },
			"line 1: not a whole event, and line 2 does not carry its hash; the log was altered there"},
		"emptied": {func(l []string) []string { l[2] = ""; return l },
			"line 3: not a whole event, and line 4 does not carry its hash; the log was altered there"},
		"last not JSON": {edit(6, `"seq":6`, `"seq:6`), "line 6: not a whole event; the log was altered there"},
		"last cut by a byte": {func(l []string) []string { l[5] = l[5][:len(l[5])-1]; return l },
			"line 6: not a whole event; the log was altered there"},
		"two joined": {func(l []string) []string { l[2] += l[3]; return slices.Delete(l, 3, 4) },
			"line 4: numbered 5; a line was removed or added"},
		"unknown field": {edit(6, `"seq"`, `"sequence"`), "line 6: unknown field sequence"},
		"field twice":   {edit(6, `"seq":6`, `"seq":6,"seq":6`), "line 6: field seq appears twice"},
		"other type": {edit(6, `"seq":6`, `"seq":"6"`),
			"line 6: field seq: expected a number, not a JSON string"},
		"not UTF-8": {edit(6, "alice", "alic\xff"), "line 6: not valid JSON at byte 198, in field operator"},
		"unknown phase": {edit(6, `"end"`, `"ended"`),
			`line 6: field phase: expected "begin", "end", "note" or "seal"`},
		"short hash": {edit(6, `"previous":"`, `"previous":"0`),
			"line 6: field previous: a SHA-256 sum is 64 lower-case hex digits"},
		"null": {func(l []string) []string { return append(l, "null") },
			"line 7: numbered 0; a line was removed or added"},
		"large event": {edit(6, "alice", strings.Repeat("a", MaxEvent)),
			fmt.Sprintf("line 6: %d bytes, more than the 33554432 such a file may have", MaxEvent+len(whole[5])-5)},
		"hash before first": {func(l []string) []string {
			l[0] = strings.Replace(l[0], strings.Repeat("0", 64), strings.Repeat("1", 64), 1)
			return l
		}, "line 1: carries the hash of a line before it; the log was altered there"},
	} {
		setContent(t, dir, strings.Join(c.fault(slices.Clone(whole)), "\n")+"\n")
		_, err := Read(dir)
		want := "DIR/local/ceremony.jsonl: " + c.want
		wantErr(t, name, dir, err, exitcode.Check, want)
	}
}

// TestEventsBeforeTheFault: a fault does not hide what is good before it.
func TestEventsBeforeTheFault(t *testing.T) {
	dir := newLog(t, 6)
	setContent(t, dir, strings.Replace(content(t, dir), `"seq":4`, `"seq":9`, 1))
	r, err := Read(dir)
	if err == nil || len(r.Events) != 3 {
		t.Errorf("%d events, %v", len(r.Events), err)
	}
}

// TestUnended: a command that was killed is named, whatever ran beside it.
func TestUnended(t *testing.T) {
	dir := newLog(t, 0)
	l := reopen(t, dir)
	for _, e := range []struct {
		command string
		phase   Phase
		ends    int
	}{
		{"world create", Begin, 0}, // 1: killed
		{"world create", Begin, 0}, // 2
		{"fingerprint", Begin, 0},  // 3: beside it
		{"world create", End, 2},
		{"fingerprint", End, 3},
		{"package", Begin, 0}, // 6: killed
	} {
		ev := event(1)
		ev.Command, ev.Phase, ev.Began = e.command, e.phase, e.ends
		if _, err := l.Append(ev); err != nil {
			t.Fatal(err)
		}
	}
	wantWarnings(t, "two killed", read(t, dir),
		"line 1: byok-offline world create has no end: killed, or still running",
		"line 6: byok-offline package has no end: killed, or still running")
}
