package walk

import (
	"context"
	"errors"
	"slices"
	"strings"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/printable"
	"byok/internal/script"
	"byok/internal/term"
)

// Walk is a ceremony under way at one workstation.
type Walk struct {
	*Course
	Terminal Terminal
	Events   func() ([]ceremony.Event, error)             // of the workstation's log, as it is now
	Run      func(words []string) (status int, err error) // runs a command of this program at the terminal
	Options  func(line []string) []string                 // adds to a command what is the same for all

	ran    string // ID of the step whose command has just ended well
	waited string // ID of the step before which others were waited for
}

// Terminal is where people are asked. [term.Console] is one.
type Terminal interface {
	AskBelow(page func(width int) []string, prompt, flag string) (string, error)
	Warning(format string, args ...any)
}

// What can be typed at a prompt, besides Enter.
const (
	wordDeviation = "deviation"
	wordAgain     = "again"
	wordStop      = "stop"
	wordDone      = "done"
)

// maxReason is the most bytes of the reason for a deviation.
const maxReason = 400

// CheckReason checks the reason for a deviation.
func CheckReason(reason string) error { return printable.Check(reason, maxReason) }

// Ended is a ceremony whose steps at this workstation are all attested.
type Ended struct {
	Steps      int      `json:"steps"` // of this workstation
	Deviations int      `json:"deviations"`
	Elsewhere  []string `json:"elsewhere,omitempty"` // titles of what follows at the other workstation
}

// Go goes on with the ceremony where its log ends, to the last step. It ends early
// with status Interrupted, where a signal came or the terminal hung up, and with the
// status of a command that failed and after which people stop.
func (w *Walk) Go(ctx context.Context) (Ended, error) {
	for {
		events, err := w.Events()
		if err != nil {
			return Ended{}, err
		}
		p := w.Read(events)
		if err := w.follows(p); err != nil {
			return Ended{}, err
		}
		at := w.next(p)
		if at == len(w.steps) {
			return w.ended(p), nil
		}
		if err := w.step(at, p); err != nil {
			return Ended{}, err
		}
		if ctx.Err() != nil {
			return Ended{}, w.interrupted(at)
		}
	}
}

// next is the index of the first step that is to be attested here.
func (w *Walk) next(p Progress) int {
	i := slices.IndexFunc(w.steps, func(s script.Step) bool { return w.here(s) && !p.attested[s.ID] })
	if i < 0 {
		return len(w.steps)
	}
	return i
}

func (w *Walk) ended(p Progress) Ended {
	e := Ended{Deviations: p.deviations}
	for _, s := range w.steps {
		if w.here(s) {
			e.Steps, e.Elsewhere = e.Steps+1, nil
			continue
		}
		e.Elsewhere = append(e.Elsewhere, s.Title)
	}
	return e
}

// step takes a step one command further: that of the step, or its attestation.
func (w *Walk) step(at int, p Progress) error {
	s := w.steps[at]
	if err := w.waits(at); err != nil {
		return err
	}
	page, does := w.page(at, p), "press Enter to run it"
	ready := len(s.Command) == 0
	switch {
	case ready:
		does = "press Enter when it is done as the plan says"
	case w.ran == s.ID:
		page, ready = said(""), true
	case !p.ended[s.ID].IsZero():
		ready = true
	}
	if ready && len(s.Command) > 0 {
		does = "press Enter if it went as the plan says"
	}
	answer, err := w.ask(at, page, does+`, or type "`+wordDeviation+`"`, "", wordDeviation)
	switch {
	case err != nil:
		return err
	case answer == wordDeviation:
		return w.deviates(at)
	case ready:
		return w.attests(at, "")
	}
	return w.does(at)
}

// does runs the command of a step, unless another run of the same ceremony has done so
// while people were asked.
func (w *Walk) does(at int) error {
	s := w.steps[at]
	events, err := w.Events()
	if err != nil {
		return err
	}
	if p := w.Read(events); p.attested[s.ID] || !p.ended[s.ID].IsZero() {
		w.Terminal.Warning("step %s was done in the meantime, by another run", s.ID)
		return nil
	}
	status, err := w.run(at, w.words(s))
	if err != nil {
		return err
	}
	if status == 0 {
		w.ran = s.ID
		return nil
	}
	return w.failed(at, status, wordAgain, wordDeviation, wordStop)
}

// attests has a step attested, with the reason for a deviation if there is one.
func (w *Walk) attests(at int, deviation string) error {
	words := append(strings.Fields(Attest), "--plan", w.File, "--step", w.steps[at].ID)
	if deviation != "" {
		words = append(words, "--deviation="+deviation)
	}
	status, err := w.run(at, words)
	if err != nil || status == 0 {
		return err
	}
	return w.failed(at, status, wordAgain, wordStop)
}

// run runs a command of this program with what is the same for all.
func (w *Walk) run(at int, words []string) (int, error) {
	status, err := w.Run(slices.Concat(words, w.Options(words)))
	if status == int(exitcode.Interrupted) {
		err = w.interrupted(at)
	}
	return status, err
}

// failed asks what to do after a command that failed, and has said why.
func (w *Walk) failed(at, status int, choices ...string) error {
	prompt := "what now: " + strings.Join(choices[:len(choices)-1], ", ") + " or " + choices[len(choices)-1]
	answer, err := w.ask(at, said(w.failure(at, status, len(choices) > 2)...), prompt, choices...)
	switch {
	case err != nil:
		return err
	case answer == wordDeviation:
		return w.deviates(at)
	case answer == wordStop:
		return w.stopped(at, status)
	}
	return nil // Go comes to the same step again
}

// deviates records that a step was done otherwise, or could not be done.
func (w *Walk) deviates(at int) error {
	page := said(deviating...)
	for {
		reason, err := w.answer(at, page, "what is different, and why (Enter alone: none)")
		switch {
		case err != nil || reason == "":
			return err
		case CheckReason(reason) == nil:
			return w.attests(at, reason)
		}
		w.Terminal.Warning("the reason: %v", CheckReason(reason))
		page = nothing
	}
}

// waits waits until the steps are done that come before this one elsewhere.
func (w *Walk) waits(at int) error {
	first := at
	for first > 0 && !w.here(w.steps[first-1]) {
		first--
	}
	if first == at || w.waited == w.steps[at].ID {
		return nil
	}
	_, err := w.ask(at, w.meanwhile(first, at), `type "`+wordDone+`" once that is done`, wordDone)
	if err == nil {
		w.waited = w.steps[at].ID
	}
	return err
}

// ask asks until the answer is one of a few words.
func (w *Walk) ask(at int, page func(int) []string, prompt string, words ...string) (string, error) {
	for {
		answer, err := w.answer(at, page, prompt)
		answer = strings.ToLower(strings.Trim(answer, `"`))
		if err != nil || slices.Contains(words, answer) {
			return answer, err
		}
		page = nothing
	}
}

// unfit is how many answers in a row may be none that a terminal takes.
const unfit = 3

// answer asks a question. An answer that is none, such as an arrow key, is asked for
// again.
func (w *Walk) answer(at int, page func(int) []string, prompt string) (string, error) {
	for range unfit {
		answer, err := w.Terminal.AskBelow(page, prompt, "")
		switch {
		case err == nil:
			return answer, nil
		case exitcode.Of(err) == exitcode.Interrupted, errors.Is(err, term.ErrNoAnswer):
			return "", w.interrupted(at)
		}
		w.Terminal.Warning("%v", err)
		page = nothing
	}
	return "", w.interrupted(at)
}

func (w *Walk) interrupted(at int) error {
	return exitcode.Errorf(exitcode.Interrupted, "interrupted at %s; the same command goes on there", w.place(at)).
		Hint("%s", w.again())
}

func (w *Walk) stopped(at, status int) error {
	code := exitcode.Code(status)
	if !slices.Contains(exitcode.All(), code) {
		code = exitcode.Failed
	}
	return exitcode.Errorf(code, "stopped at %s, whose command ended with status %d; the same command goes on there",
		w.place(at), status).Hint("%s", w.again())
}
