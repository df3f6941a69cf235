package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
)

func TestForgedLog(t *testing.T) { withTheLog().try(t) }

const (
	thenVerify = "ceremony verify"
	logFile    = "kmdata/local/ceremony.jsonl"
)

// withTheLog is what whoever edits the ceremony log can do: its lines carry
// hashes and no key.
func withTheLog() deeds {
	logged := func(name string, change func(lines [][]byte) [][]byte, want, note string) deed {
		return deed{name: name, state: packaged, do: relogged(change), then: thenVerify, want: want, note: note}
	}
	return deeds{heading: "The ceremony log", who: "whoever edits kmdata later", list: in(but(onAnyToken, created, adopted), []deed{
		logged("cut in the middle", func(l [][]byte) [][]byte { return l[:len(l)/2] },
			"3: kmdata/local/ceremony.jsonl: ends with line 10, but statement 6 was signed over 11 lines; its end was "+
				"cut off, or this is an older copy", ""),
		logged("cut by its last line", func(l [][]byte) [][]byte { return l[:len(l)-1] }, "0: nothing",
			"behind the last statement a log has no anchor but paper; `ceremony seal` gives it one"),
		logged("a line removed", func(l [][]byte) [][]byte { return slices.Delete(l, 4, 5) },
			"3: kmdata/local/ceremony.jsonl: line 5: numbered 6; a line was removed or added", ""),
		logged("the first line removed", func(l [][]byte) [][]byte { return l[1:] },
			"3: kmdata/local/ceremony.jsonl: line 1: numbered 2; a line was removed or added", ""),
		logged("a line doubled", func(l [][]byte) [][]byte { return slices.Insert(l, 4, l[4]) },
			"3: kmdata/local/ceremony.jsonl: line 6: numbered 5; a line was removed or added", ""),
		logged("two lines exchanged", func(l [][]byte) [][]byte { l[4], l[6] = l[6], l[4]; return l },
			"3: kmdata/local/ceremony.jsonl: line 5: numbered 7; a line was removed or added", ""),
		logged("a line changed", func(l [][]byte) [][]byte {
			l[4] = bytes.Replace(l[4], []byte("@"), []byte(" at "), 1)
			return l
		}, "3: kmdata/local/ceremony.jsonl: line 6: does not carry the hash of line 5; the log was altered there or "+
			"before", ""),
		logged("a line cut short", func(l [][]byte) [][]byte { l[4] = l[4][:20]; return l },
			"3: kmdata/local/ceremony.jsonl: line 6: numbered 7; a line was removed or added", ""),
		logged("nothing but zeros", func(l [][]byte) [][]byte { return [][]byte{make([]byte, 4000)} },
			"3: kmdata/local/ceremony.jsonl: nothing but zero bytes; the record was overwritten, or its medium lost it", ""),
		logged("emptied", func([][]byte) [][]byte { return nil },
			"3: kmdata/local/ceremony.jsonl: empty, but statement 1 was signed over 1 line; the log was emptied", ""),
		logged("written again from the world's creation", func(l [][]byte) [][]byte { return l[:2] },
			"3: kmdata/local/ceremony.jsonl: ends with line 2, but statement 3 was signed over 3 lines; its end was cut "+
				"off, or this is an older copy", ""),
		{name: "removed", state: packaged, also: onAnyToken, do: removing("ceremony.jsonl"), then: thenVerify,
			want: "3: kmdata/local/ceremony.jsonl: missing, but statement 7 was signed over 13 lines of it"},
		{name: "that of another world", state: packaged, also: onAnyToken, do: foreignLog(false), then: thenVerify,
			want: "3: kmdata/local/ceremony.jsonl: line 1 is not the one that statement 1 was signed over; the log was " +
				"rewritten, or is another world's"},
		{name: "that of another world behind it", state: packaged, also: onAnyToken, do: foreignLog(true), then: thenVerify,
			want: "3: kmdata/local/ceremony.jsonl: line 21: a second log begins here; two logs were joined"},
		{name: "cut together with the statements that follow", state: packaged, also: withTransfers, do: cutWithStatements, then: thenVerify,
			want: "0: nothing",
			note: "whoever kept a number, and the token's anchor, know of more"},
		{name: "cut together with the statements that follow", state: packaged, also: withTransfers, do: cutWithStatements, then: thenCheck,
			want: "3: anchor the token knows statement 7, …, which kmdata does not contain"},
		{name: "emptied", state: packaged, also: onAnyToken, do: relogged(func([][]byte) [][]byte { return nil }), then: thenSeal,
			want: "2: cannot ask for the reason for what is missing, for the record: /dev/tty cannot be opened and " +
				"standard input is not a terminal",
			note: "a quorum is shown what is missing, and asked why"},
		{name: "emptied", state: packaged, also: onAnyToken, do: relogged(func([][]byte) [][]byte { return nil }), then: thenModify,
			want: "2: cannot ask for the reason for what is missing, for the record: /dev/tty cannot be opened and " +
				"standard input is not a terminal"},
	}...)}
}

// TestLogCutAtEveryLine: a log that lacks what a statement was signed over is
// refused, wherever it ends; behind the last statement nothing vouches for it.
// Cut together with the statements that follow, it is an older copy of the
// record, and the token's anchor knows of more.
func TestLogCutAtEveryLine(t *testing.T) {
	s := inState(t, modified)
	whole := mustDo(os.ReadFile(s.path(logFile)))(t)
	heads := s.chain(t).Heads()
	vouched := heads[len(heads)-1].Log.Lines
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for n := range len(lines) - 1 {
		mustWrite(t, s.path(logFile), bytes.Join(lines[:n], nil))
		want := exitcode.Check
		if n >= vouched {
			want = exitcode.Done
		}
		if out := s.run(t, thenVerify); out.status != want {
			t.Errorf("cut behind line %d: status %d, want %d\n%s", n, out.status, want, out.text)
		}
	}
	for n := heads[0].Log.Lines; n < vouched; n++ {
		older := s.copied(t)
		last := older.keepStatements(t, n)
		mustWrite(t, older.path(logFile), bytes.Join(lines[:n], nil))
		older.must(t, thenVerify)
		out := older.run(t, thenCheck)
		want := fmt.Sprintf("%d: anchor the token knows statement %d, …, which kmdata does not contain",
			exitcode.Check, heads[len(heads)-1].Statement)
		if got := older.answers(out, ""); last > 1 && got != want {
			t.Errorf("cut behind line %d and statement %d: %s\n%s", n, last, got, out.text)
		}
		if out.status == exitcode.Done {
			t.Errorf("cut behind line %d and statement %d: accepted\n%s", n, last, out.text)
		}
	}
}

// keepStatements removes the statements that were signed over more lines of the
// log, and says which is the last.
func (s *stage) keepStatements(t testing.TB, lines int) (last int) {
	t.Helper()
	heads := s.chain(t).Heads()
	for i, e := range s.chain(t).Entries() {
		if heads[i].Log.Lines <= lines {
			last = e.Number()
			continue
		}
		for _, path := range s.pairAt(strings.TrimPrefix(e.Path, s.dir+"/")) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	return last
}

// relogged changes the lines of the log.
func relogged(change func([][]byte) [][]byte) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		lines := bytes.SplitAfter(mustDo(os.ReadFile(s.path(logFile)))(t), []byte("\n"))
		mustWrite(t, s.path(logFile), bytes.Join(change(lines[:len(lines)-1]), nil))
	}
}

func foreignLog(joined bool) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		theirs := mustDo(os.ReadFile(kept(t, foreign).path(logFile)))(t)
		if joined {
			theirs = append(mustDo(os.ReadFile(s.path(logFile)))(t), theirs...)
		}
		mustWrite(t, s.path(logFile), theirs)
	}
}

// cutWithStatements leaves the world as it was before the transfers.
func cutWithStatements(t *testing.T, s *stage) {
	for _, e := range s.chain(t).Entries() {
		if e.Number() > 4 {
			dropping(strings.TrimPrefix(e.Path, s.dir+"/"))(t, s)
		}
	}
	relogged(func(l [][]byte) [][]byte { return l[:8] })(t, s)
}
