package report

import (
	"strings"
	"testing"

	"byok/internal/ceremony"
)

// TestDeviations: what is listed although it succeeded.
func TestDeviations(t *testing.T) {
	plain := event{Event: ceremony.Event{Command: "plain", Phase: ceremony.End}}
	unconfined := event{Event: ceremony.Event{Command: "unconfined", Phase: ceremony.End}}
	unconfined.AddNote(ceremony.NoteUnconfined, "by --unconfined: Windows does not hold: files")
	noted := event{Event: ceremony.Event{Command: "noted", Phase: ceremony.End}}
	noted.AddNote(ceremony.NoteDeviation, "a holder is ill")
	failed := event{Event: ceremony.Event{Command: "failed", Phase: ceremony.End, Status: 3}}
	killed := event{Event: ceremony.Event{Command: "killed", Phase: ceremony.Begin}}
	var names []string
	for _, e := range deviations([]event{plain, unconfined, noted, failed, killed}) {
		names = append(names, e.Command)
	}
	if got := strings.Join(names, " "); got != "unconfined noted failed killed" {
		t.Error(got)
	}
}
