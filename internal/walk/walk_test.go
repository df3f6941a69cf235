package walk

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/plan"
	"byok/internal/script"
)

// course is that of a good plan, whose file has this text appended.
func course(t *testing.T, at script.Place, more string) *Course {
	t.Helper()
	data, err := os.ReadFile("../plan/testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	data = append([]byte(strings.Replace(string(data), "existing: true", "existing: false", 1)), more...)
	p, err := plan.Parse("plan.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	program := "byok-offline"
	if at == script.Connected {
		program = "byok-online"
	}
	return New(p, "plan.yaml", fingerprint.Of(data), at, program)
}

// TestWhole: every step here is run with the plan, in order, and then attested; what
// is done elsewhere is waited for.
func TestWhole(t *testing.T) {
	for _, at := range []script.Place{script.Disconnected, script.Connected} {
		r := newRoom(t, course(t, at, ""))
		r.enough()
		ended, err := r.goes()
		if err != nil || len(r.answers) > 0 {
			t.Fatalf("%s: %v, %q, %q", at, err, r.asked, r.answers)
		}
		var want []string
		for _, s := range r.steps {
			if !r.here(s) {
				continue
			}
			if len(s.Command) > 0 {
				want = append(want, strings.Join(s.Command, " ")+" --plan plan.yaml")
			}
			want = append(want, "ceremony attest --plan plan.yaml --step "+s.ID)
		}
		if !slices.Equal(r.ran, want) {
			t.Errorf("%s:\n%s\nwant\n%s", at, strings.Join(r.ran, "\n"), strings.Join(want, "\n"))
		}
		if at == script.Connected && !slices.Equal(ended.Elsewhere, []string{
			"Copy kmdata, which holds the keys' backups", "Cards, media and signatures",
		}) || at == script.Disconnected && ended.Elsewhere != nil || ended.Deviations != 0 {
			t.Errorf("%s: %+v", at, ended)
		}
	}
}

// TestInterrupted: wherever it ends, the same command goes on, and nothing is run or
// attested twice.
func TestInterrupted(t *testing.T) {
	whole := newRoom(t, course(t, script.Disconnected, ""))
	whole.enough()
	answers := slices.Clone(whole.answers)
	if _, err := whole.goes(); err != nil {
		t.Fatal(err)
	}
	for at := range answers {
		r := newRoom(t, course(t, script.Disconnected, ""), answers[:at]...)
		_, err := r.goes()
		if exitcode.Of(err) != exitcode.Interrupted || exitcode.HintOf(err) != "byok-offline ceremony run --plan plan.yaml" {
			t.Fatalf("after %d answers: %v (%s)", at, err, exitcode.HintOf(err))
		}
		again := newRoom(t, r.Course)
		again.events, again.answers = r.events, []string{}
		for range 2 * len(answers) {
			again.answers = append(again.answers, "", "done") // where one is not asked for, it is asked again
		}
		if _, err := again.goes(); err != nil {
			t.Fatalf("after %d answers: %v", at, err)
		}
		once := slices.Compact(slices.Concat(r.ran, again.ran)) // a command that only looks may be run again
		if !slices.Equal(once, whole.ran) {
			t.Errorf("after %d answers:\n%s\nwant\n%s", at, strings.Join(once, "\n"), strings.Join(whole.ran, "\n"))
		}
	}
}

// TestAtAStep: what can happen at one step, and what comes of it.
func TestAtAStep(t *testing.T) {
	const first = "step 1 of N, Everybody is there, and is who the plan names"
	const third = "step 3 of N, The disconnected workstation is contained"
	const goesOn = "; the same command goes on there"
	for _, c := range []struct {
		name    string
		answers string // joined by |
		fails   map[string]int
		err     string
		status  exitcode.Code
		last    string // command that was run
		warned  string
	}{
		{"hang-up", "", nil, "interrupted at " + first + goesOn, 130, "", ""},
		{"Ctrl-C", "!interrupt", nil, "interrupted at " + first + goesOn, 130, "", ""},
		{"three arrow keys", "!control|!control|!control", nil, "interrupted at " + first + goesOn, 130, "",
			"contains a control character"},
		{"something else", "yes|no|!interrupt", nil, "interrupted at " + first + goesOn, 130, "", ""},
		{"a deviation of a step in the room", "deviation|Ben is ill|!interrupt", nil,
			"interrupted at step 2 of N, The programs are the reviewed ones" + goesOn, 130,
			"ceremony attest --plan plan.yaml --step arrive --deviation=Ben is ill", ""},
		{"no deviation after all", "deviation||!interrupt", nil, "interrupted at " + first + goesOn, 130, "", ""},
		{"a long reason", "deviation|" + strings.Repeat("x", 401) + "|", nil, "interrupted at " + first + goesOn, 130, "",
			"the reason: it has 401 bytes; at most 400 are allowed"},
		{"the witnesses' words fail, again", "|again|!interrupt", map[string]int{"ceremony attest": 2},
			"interrupted at " + first + goesOn, 130, "ceremony attest --plan plan.yaml --step arrive", ""},
		{"the witnesses' words fail, stop", "|deviation|stop", map[string]int{"ceremony attest": 2},
			"stopped at " + first + ", whose command ended with status 2" + goesOn, 2,
			"ceremony attest --plan plan.yaml --step arrive", ""},
		{"a command fails, stop", "||||stop", map[string]int{"confine": 3},
			"stopped at " + third + ", whose command ended with status 3" + goesOn, 3, "confine status --plan plan.yaml", ""},
		{"a command is killed, stop", "||||stop", map[string]int{"confine": 137},
			"stopped at " + third + ", whose command ended with status 137" + goesOn, 1, "confine status --plan plan.yaml", ""},
		{"a command is interrupted", "|||", map[string]int{"confine": 130}, "interrupted at " + third + goesOn, 130,
			"confine status --plan plan.yaml", ""},
		{"this program is interrupted while a command ends", "|||", map[string]int{"confine": -130},
			"interrupted at " + third + goesOn, 130, "confine status --plan plan.yaml", ""},
	} {
		r := newRoom(t, course(t, script.Disconnected, ""), strings.Split(c.answers, "|")...)
		if c.answers == "" {
			r.answers = nil
		}
		if c.fails != nil {
			r.fails = c.fails
		}
		_, err := r.goes()
		last := ""
		if len(r.ran) > 0 {
			last = r.ran[len(r.ran)-1]
		}
		warned := ""
		if len(r.warned) > 0 {
			warned = r.warned[0]
		}
		want := strings.Replace(c.err, "of N", fmt.Sprintf("of %d", len(r.steps)), 1)
		if fmt.Sprint(err) != want || exitcode.Of(err) != c.status || last != c.last || warned != c.warned {
			t.Errorf("%s: %d %v\n%s\n%s", c.name, exitcode.Of(err), err, last, warned)
		}
	}
}

// TestMeanwhile: a step that another run has done while people were asked is not run.
func TestMeanwhile(t *testing.T) {
	r := newRoom(t, course(t, script.Connected, ""), "done", "")
	events := r.Events
	asked := 0
	r.Events = func() ([]ceremony.Event, error) {
		if asked++; asked == 2 {
			r.ends(r.Sum, "kek:hsm")
		}
		return events()
	}
	if _, err := r.goes(); exitcode.Of(err) != exitcode.Interrupted || len(r.ran) > 0 ||
		!slices.Equal(r.warned, []string{"step kek:hsm was done in the meantime, by another run"}) {
		t.Errorf("%v, %q, %q", err, r.ran, r.warned)
	}
	for n := range 2 {
		r := newRoom(t, course(t, script.Connected, ""), "done", "")
		r.Events = func() ([]ceremony.Event, error) {
			if n--; n < 0 {
				return nil, errors.New("the log cannot be read")
			}
			return nil, nil
		}
		if _, err := r.goes(); err == nil || err.Error() != "the log cannot be read" || len(r.ran) > 0 {
			t.Errorf("%v, %q", err, r.ran)
		}
	}
	r = newRoom(t, course(t, script.Disconnected, ""), "")
	r.Run = func([]string) (int, error) { return 0, errors.New("it cannot be started") }
	if _, err := r.goes(); err == nil || err.Error() != "it cannot be started" {
		t.Error(err)
	}
}

// TestOptions: what is the same for all commands is in the command that is shown, in
// the one that is run and in the one that goes on.
func TestOptions(t *testing.T) {
	c := course(t, script.Disconnected, "")
	c.File = "a plan.yaml"
	c.Options = []string{"--hsm-network=true", "--kmdata=/a b"}
	r := newRoom(t, c, "", "", "", "")
	r.Walk.Options = func([]string) []string { return []string{"--kmdata=/a b"} }
	_, err := r.goes()
	if hint := exitcode.HintOf(err); hint != "byok-offline ceremony run --plan 'a plan.yaml' --hsm-network=true --kmdata='/a b'" {
		t.Error(hint)
	}
	if page := r.pages[2]; !strings.Contains(page, "byok-offline confine status --plan 'a plan.yaml' --kmdata '/a b'\n") {
		t.Error(page)
	}
	if r.ran[2] != "confine status --plan a plan.yaml --kmdata=/a b" {
		t.Errorf("%q", r.ran)
	}
}

// TestAttesters: in a rehearsal without witnesses whoever leads attests each step.
func TestAttesters(t *testing.T) {
	c := course(t, script.Disconnected, "")
	for _, want := range []string{"[Wim]", "[Carl]", "[]"} {
		if got := fmt.Sprint(c.Attesters()); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if c.Plan.Witnesses == nil {
			c.Plan.Roles = nil
		}
		c.Plan.Witnesses = nil
	}
}
