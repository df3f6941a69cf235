package walk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/plan"
	"byok/internal/script"
	"byok/internal/term"
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

// room is a workstation with people before it.
type room struct {
	t *testing.T
	*Walk
	events  []ceremony.Event
	answers []string // typed, one after another; see answer
	asked   []string // the prompts
	pages   []string // what stood above them
	warned  []string
	ran     []string       // commands
	fails   map[string]int // statuses with which commands end, by their beginning, once
	cancel  func()
}

func newRoom(t *testing.T, c *Course, answers ...string) *room {
	r := &room{t: t, answers: answers, fails: map[string]int{}}
	r.Walk = &Walk{
		Course: c, Terminal: r, Run: r.run,
		Events:  func() ([]ceremony.Event, error) { return r.events, nil },
		Options: func([]string) []string { return nil },
	}
	return r
}

// go goes on until the answers are used up, which is a hang-up.
func (r *room) goes() (Ended, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.cancel = cancel
	return r.Walk.Go(ctx)
}

func (r *room) Warning(format string, args ...any) {
	r.warned = append(r.warned, fmt.Sprintf(format, args...))
}

// AskBelow gives the next answer: an error where it begins with "!".
func (r *room) AskBelow(page func(int) []string, prompt, _ string) (string, error) {
	r.asked = append(r.asked, prompt)
	r.pages = append(r.pages, strings.Join(page(80), "\n"))
	if len(r.answers) == 0 {
		return "", fmt.Errorf("%s: %w", prompt, term.ErrNoAnswer)
	}
	answer := r.answers[0]
	r.answers = r.answers[1:]
	switch answer {
	case "!control":
		return "", errors.New("contains a control character")
	case "!interrupt":
		return "", exitcode.Errorf(exitcode.Interrupted, "interrupted")
	}
	return answer, nil
}

// run is a command that ends as it is to, and which the log has.
func (r *room) run(words []string) (int, error) {
	line := strings.Join(words, " ")
	r.ran = append(r.ran, line)
	for begins, status := range r.fails {
		if strings.HasPrefix(line, begins) {
			delete(r.fails, begins)
			if status < 0 {
				r.cancel()
				return -status, nil
			}
			return status, nil
		}
	}
	if i := slices.Index(words, "--step"); i > 0 {
		reason := ""
		for _, w := range words {
			if text, found := strings.CutPrefix(w, "--deviation="); found {
				reason = text
			}
		}
		if _, err := r.Attestable(words[i+1], reason, r.events); err != nil {
			r.t.Errorf("%s: %v", line, err)
		}
		r.attests(r.Sum, words[i+1], reason)
		return 0, nil
	}
	for _, s := range r.steps {
		if len(s.Command) > 0 && strings.HasPrefix(line, strings.Join(s.Command, " ")) && s.Recorded() {
			r.ends(r.Sum, s.ID)
			break
		}
	}
	return 0, nil
}

var noon = time.Date(2126, 12, 1, 12, 0, 0, 0, time.UTC)

func (r *room) event(phase ceremony.Phase, command string, sum fingerprint.Sum, step string) *ceremony.Event {
	e := ceremony.Event{Phase: phase, Command: command, Time: noon}
	e.AddNote(ceremony.NotePlan, sum.String())
	e.AddNote(ceremony.NoteStep, step)
	r.events = append(r.events, e)
	return &r.events[len(r.events)-1]
}

func (r *room) ends(sum fingerprint.Sum, step string) {
	r.event(ceremony.End, "a command", sum, step).Result = ceremony.Success
}

func (r *room) attests(sum fingerprint.Sum, step, reason string) {
	e := r.event(ceremony.End, Attest, sum, step)
	e.Result = ceremony.Success
	if reason != "" {
		e.AddNote(ceremony.NoteDeviation, reason)
	}
}

// enough are answers for a whole ceremony in which all goes as planned.
func (r *room) enough() {
	for at, s := range r.steps {
		switch {
		case !r.here(s):
			continue
		case at > 0 && !r.here(r.steps[at-1]):
			r.answers = append(r.answers, "done")
		}
		r.answers = append(r.answers, "")
		if len(s.Command) > 0 {
			r.answers = append(r.answers, "")
		}
	}
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
	const first = "step 1 of 43, Everybody is there, and is who the plan names"
	const third = "step 3 of 43, The disconnected workstation is contained"
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
			"interrupted at step 2 of 43, The programs are the reviewed ones" + goesOn, 130,
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
		if fmt.Sprint(err) != c.err || exitcode.Of(err) != c.status || last != c.last || warned != c.warned {
			t.Errorf("%s: %d %v\n%s\n%s", c.name, exitcode.Of(err), err, last, warned)
		}
	}
}
