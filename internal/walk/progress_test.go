package walk

import (
	"fmt"
	"testing"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/script"
)

// TestAttestable: what can be attested, and what cannot, after what the log has.
func TestAttestable(t *testing.T) {
	const script2 = "byok-offline ceremony script --out book.html plan.yaml"
	other := fingerprint.Of([]byte("another plan"))
	changed := func(r *room) { r.attests(other, "arrive", "") }
	refusedPlan := fmt.Sprintf("plan.yaml (%s …) is not the plan that this ceremony began by (%s …): the log holds that one's steps",
		course(t, script.Disconnected, "").Sum.FirstWords(4), other.FirstWords(4))
	const acceptance = "take the earlier plan, or have the witnesses accept the changed one: " +
		"byok-offline ceremony attest --plan plan.yaml --step plan --deviation REASON"
	for _, c := range []struct {
		name, id, reason string
		log              func(r *room)
		err, hint        string
		status           exitcode.Code
	}{
		{"in the room", "arrive", "", nil, "", "", 0},
		{"a command that only looks", "confine", "", nil, "", "", 0},
		{"of a single key", "key:payroll", "", func(r *room) { r.ends(r.Sum, "key:payroll") }, "", "", 0},
		{"unknown", "arrival", "", nil, `plan.yaml has no step "arrival"`, script2, exitcode.Usage},
		{"at the other workstation", "kek:hsm", "", nil, "step kek:hsm is attested at the connected workstation", "",
			exitcode.Refused},
		{"twice", "arrive", "", func(r *room) { r.attests(r.Sum, "arrive", "") }, "step arrive is attested already",
			"byok-offline ceremony log", exitcode.Refused},
		{"a command that never ran", "check", "", nil, "step check: the log has no end of its command by this plan",
			"byok-offline world check --plan plan.yaml; or give --deviation REASON", exitcode.Refused},
		{"a command that failed", "check", "", func(r *room) { r.event(ceremony.End, "world check", r.Sum, "check") },
			"step check: the log has no end of its command by this plan",
			"byok-offline world check --plan plan.yaml; or give --deviation REASON", exitcode.Refused},
		{"a command that ran", "check", "", func(r *room) { r.ends(r.Sum, "check") }, "", "", 0},
		{"a command that was left out", "check", "no time", nil, "", "", 0},
		{"after another plan", "arrive", "", changed, refusedPlan, acceptance, exitcode.Refused},
		{"after another plan's ceremony", "arrive", "", func(r *room) { r.attests(other, "leave", "") }, "", "", 0},
		{"after the next ceremony's plan", "arrive", "", func(r *room) {
			r.attests(r.Sum, "leave", "")
			r.attests(other, "arrive", "")
		}, refusedPlan, acceptance, exitcode.Refused},
		{"after a changed plan that was accepted", "arrive", "", func(r *room) {
			changed(r)
			r.attests(r.Sum, StepPlan, "a name")
		}, "", "", 0},
		{"after a command by another plan alone", "arrive", "", func(r *room) {
			r.attests(r.Sum, "programs", "")
			r.ends(other, "arrive")
		}, "", "", 0},
		{"a changed plan", StepPlan, "a name was wrong", changed, "", "", 0},
		{"a changed plan without a reason", StepPlan, "", changed, "a changed plan is a deviation, which has a reason",
			"--deviation REASON", exitcode.Usage},
		{"the plan itself", StepPlan, "why not", nil, "plan.yaml needs no acceptance: it is the plan that the log goes by",
			"byok-offline ceremony run --plan plan.yaml", exitcode.Refused},
	} {
		r := newRoom(t, course(t, script.Disconnected, ""))
		if c.log != nil {
			c.log(r)
		}
		s, err := r.Attestable(c.id, c.reason, r.events)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != c.err || exitcode.HintOf(err) != c.hint || exitcode.Of(err) != c.status || err == nil && s.ID != c.id {
			t.Errorf("%s: %d %s (%s)", c.name, exitcode.Of(err), text, exitcode.HintOf(err))
		}
	}
}

// TestAnotherPlan: a run by another plan is refused, and where people accepted it
// each step is asked for anew, with what was done before.
func TestAnotherPlan(t *testing.T) {
	old := newRoom(t, course(t, script.Disconnected, ""))
	old.attests(old.Sum, "arrive", "")
	old.ends(old.Sum, "check")
	r := newRoom(t, course(t, script.Disconnected, "# changed\n"))
	r.events = old.events
	if _, err := r.goes(); exitcode.Of(err) != exitcode.Refused {
		t.Fatal(err)
	}
	r.attests(r.Sum, StepPlan, "a remark")
	for _, id := range []string{"arrive", "programs", "confine", "carry-in", "module", "world"} {
		r.attests(r.Sum, id, "")
	}
	if _, err := r.goes(); exitcode.Of(err) != exitcode.Interrupted {
		t.Fatal(err)
	}
	golden(t, "before.txt", r.pages[len(r.pages)-1])
}
