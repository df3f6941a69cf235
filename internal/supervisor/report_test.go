//go:build linux && (amd64 || arm64)

package supervisor

import (
	"bytes"
	"strings"
	"testing"

	"byok/internal/ceremony"
	"byok/internal/command"
)

// TestLargestReport: what the log takes a report takes, whatever the text is.
func TestLargestReport(t *testing.T) {
	for _, text := range []string{"x", "<", "\u2028", "\"", "\xff"} {
		e := &ceremony.Event{Notes: []ceremony.Note{{Name: "n", Value: strings.Repeat(text, ceremony.MaxEvent/8)}}}
		got := heard(report{Running: &command.Running{Command: "change", Event: e}})
		if got.running == nil || got.running.Event == nil {
			t.Fatalf("%q: not heard", text)
		}
		want := strings.ReplaceAll(e.Notes[0].Value, "\xff", "\ufffd")
		if note := got.running.Event.Notes[0]; note.Name != "n" || note.Value != want {
			t.Errorf("%q: another text, of %d bytes", text, len(note.Value))
		}
	}
}

// heard is a worker whose reports were listened to, with what is none in between.
func heard(reports ...report) *worker {
	var said bytes.Buffer
	for _, r := range reports {
		said.WriteString(runningLine + strings.Repeat("y", longestReport) + "\n")
		send(&said, r)
		said.WriteString("\n{}\n{\"else\":1}\n")
	}
	said.WriteString(statusLine + "1}") // cut short
	w := &worker{}
	w.listen(&said)
	return w
}

// TestListen: the last report of each kind counts, and only a whole one.
func TestListen(t *testing.T) {
	one, two := 1, 2
	w := heard(report{Status: &one}, report{Running: &command.Running{Command: "first"}},
		report{Running: &command.Running{Command: "second"}}, report{Status: &two})
	if w.status == nil || *w.status != 2 || w.running == nil || w.running.Command != "second" {
		t.Errorf("%+v", w)
	}
	if w := heard(); w.status != nil || w.running != nil {
		t.Errorf("%+v", w)
	}
}

// TestMuchAtTheEnd: the end of a step of many keys is in the log as well, with all that
// was done until then.
func TestMuchAtTheEnd(t *testing.T) {
	const failure = unexpectedly + "SIGSEGV: segmentation violation"
	j := runs(t, "much, SIGSEGV", "change")
	j.came(4, "Result: FAILURE\n", "byok-test: error: "+failure+"\nbyok-test: hint: "+orNetwork+"\n")
	record, err := ceremony.Read(j.kmdata)
	if err != nil || len(record.Events) != 3 {
		t.Fatalf("%d events, %v", len(record.Events), err)
	}
	end := record.Events[2]
	if end.Phase != ceremony.End || !strings.Contains(end.Error, failure) || len(end.Notes) != 1 || len(end.Notes[0].Value) != much {
		t.Errorf("%s, %s, %d notes", end.Phase, end.Error, len(end.Notes))
	}
}
