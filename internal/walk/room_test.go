package walk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/term"
)

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
