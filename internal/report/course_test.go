package report_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/report"
	"byok/internal/stamp"
	"byok/internal/testkit/held"
)

// followed notes on an event the step of the good plan that it is.
func followed(t *testing.T, e *ceremony.Event, step string) {
	t.Helper()
	data, err := os.ReadFile(goodPlan)
	check(t, err)
	e.AddNote(ceremony.NotePlan, fingerprint.Of(data).String())
	e.AddNote(ceremony.NoteStep, step)
}

var stepRow = regexp.MustCompile(`(?s)<td data-l="No\." class="num">\d+</td>(.*?)</tr>`)

// steps are the rows of the script, by the step's title: where, state, witnesses.
func steps(page string) map[string]string {
	rows := map[string]string{}
	for _, m := range stepRow.FindAllStringSubmatch(page, -1) {
		var cells []string
		for _, cell := range strings.Split(m[1], "</td>") {
			cells = append(cells, plain(cell))
		}
		rows[cells[0]] = strings.Join([]string{cells[1], cells[2], cells[4]}, "|")
	}
	return rows
}

// TestSteps holds the script to the log, step by step.
func TestSteps(t *testing.T) {
	h := held.Hold(t)
	connected := filepath.Join(h.Stick, "connected")
	for _, c := range []struct {
		step   string
		change func(*ceremony.Event)
	}{
		{"kek:hsm", func(*ceremony.Event) {}},
		{"kek:hsm", func(e *ceremony.Event) { e.AddNote(ceremony.NoteAttested, "WW") }},
		{"toolset:hsm", func(e *ceremony.Event) { e.Status, e.Result, e.Error = 5, ceremony.Failure, "the vault is away" }},
		{"arrive", func(e *ceremony.Event) { e.AddNote(ceremony.NoteAttested, "Wim") }},
		{"kek:premium", func(e *ceremony.Event) {
			e.AddNote(ceremony.NoteDeviation, "made last week")
			e.AddNote(ceremony.NoteAttested, "WW")
		}},
		{"kek:premium", func(*ceremony.Event) {}},
	} {
		note(t, connected, func(e *ceremony.Event) {
			followed(t, e, c.step)
			c.change(e)
		})
	}
	page, err := report.MakeOf([]string{h.Dir, h.Stick}, goodPlan)
	check(t, err)
	rows := steps(string(page))
	for title, want := range map[string]string{
		"Everybody is there, and is who the plan names": "in the room|attested|Wim",
		"The programs are the reviewed ones":            "in the room|on paper|",
		"The disconnected workstation is contained":     "disconnected workstation|only looks: no log has it|",
		"Make the KEK of hsm":                           "connected workstation|done|WW",
		"Make the toolset of hsm":                       "connected workstation|failed|",
		"Make the KEK of premium":                       "connected workstation|deviation: made last week|WW",
		"Make the toolset of premium":                   "connected workstation|not in the log|",
	} {
		if rows[title] != want {
			t.Errorf("%s: %q, want %q", title, rows[title], want)
		}
	}
	holds(t, "deviations", string(page), "deviation: made last week", "error: the vault is away", "status 5",
		"by the log, 2 of its", "3 steps attested in the log")
	if strings.Contains(string(page), "Do not rely") {
		t.Error("the plan that was followed is a problem")
	}
}

// TestPlans: a command that followed another plan is a problem, unless people
// accepted the plan here in its place.
func TestPlans(t *testing.T) {
	h := held.Hold(t)
	connected := filepath.Join(h.Stick, "connected")
	note(t, connected, func(e *ceremony.Event) {
		e.AddNote(ceremony.NotePlan, fingerprint.Of(nil).String())
		e.AddNote(ceremony.NoteStep, "kek:hsm")
	})
	page, err := report.MakeOf([]string{h.Dir, h.Stick}, goodPlan)
	check(t, err)
	holds(t, "another plan", first(string(page)), "Another plan was followed: upload in line 5 of the connected log "+
		"followed the plan with SHA-256 "+fingerprint.Of(nil).String()+", and not the one here")
	note(t, connected, func(e *ceremony.Event) {
		e.Command = "ceremony attest"
		followed(t, e, "plan")
		e.AddNote(ceremony.NoteDeviation, "a holder is ill")
	})
	page, err = report.MakeOf([]string{h.Dir, h.Stick}, goodPlan)
	check(t, err)
	holds(t, "accepted", string(page), "Every statement, package and log here holds", "deviation: a holder is ill")
}

// TestOrder: whatever the two clocks say, a command stands behind the one that made
// what it read.
func TestOrder(t *testing.T) {
	h := held.Hold(t)
	made := fingerprint.Of([]byte("toolset"))
	// The connected workstation's clock is an hour ahead.
	note(t, filepath.Join(h.Stick, "connected"), func(e *ceremony.Event) {
		e.Time, e.Command = stamp.Of(time.Now().Add(time.Hour)), "toolset build"
		e.AddOutput("KeyVault-BYOK-Tools-CONTOSO.zip", made)
	})
	note(t, h.Dir, func(e *ceremony.Event) {
		e.Program, e.Command = "byok-offline", "toolset install"
		e.AddInput("KeyVault-BYOK-Tools-CONTOSO.zip", made)
	})
	page, err := report.MakeOf([]string{h.Dir, h.Stick}, "")
	check(t, err)
	_, log, _ := strings.Cut(string(page), `<h2 id="log">`)
	build, install := strings.Index(log, "<bdi>toolset build"), strings.Index(log, "<bdi>toolset install")
	if build < 0 || install < build {
		t.Errorf("toolset build is at %d, toolset install at %d", build, install)
	}
	if strings.Count(string(page), "<circle") != 1 {
		t.Error("the stick is not drawn")
	}
	if n := strings.Count(string(page), "→ disconnected workstation: "); n != 2 {
		t.Errorf("%d arrows to the disconnected workstation", n)
	}
}

// TestOneLog: where both programs keep one log, none is missing.
func TestOneLog(t *testing.T) {
	h := held.Hold(t)
	check(t, os.RemoveAll(filepath.Join(h.Stick, "connected")))
	note(t, h.Dir, func(*ceremony.Event) {})
	page, err := report.MakeOf([]string{h.Dir, h.Stick}, "")
	check(t, err)
	if strings.Contains(string(page), "workstation is missing") {
		t.Error("the connected workstation's log is missed")
	}
}
