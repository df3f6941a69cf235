// Package walk leads the people at one workstation through the steps of a
// ceremony's plan, in order: it shows a step, runs the step's command, and has the
// witnesses attest it.
//
// Use [Walk] for a whole ceremony, and [Course.Attestable] for one attestation. How
// far a ceremony has come is in the workstation's log and nowhere else, so that it
// can end anywhere and goes on. Nothing here does what a step does: each command,
// and each attestation, is the single command that people can type themselves.
package walk

import (
	"slices"
	"strings"

	"byok/internal/fingerprint"
	"byok/internal/plan"
	"byok/internal/printable"
	"byok/internal/script"
)

// Course is a plan's steps as one workstation has them.
type Course struct {
	Plan    *plan.Plan
	File    string          // of the plan, as it was named
	Sum     fingerprint.Sum // SHA-256 of that file
	At      script.Place    // [script.Connected] or [script.Disconnected]
	Program string          // of that workstation
	Options []string        // of ceremony run, besides --plan, for the hint that continues it

	steps []script.Step
}

// New is the course of a plan at a workstation, where program runs.
func New(p *plan.Plan, file string, sum fingerprint.Sum, at script.Place, program string) *Course {
	return &Course{Plan: p, File: file, Sum: sum, At: at, Program: program, steps: script.Steps(p)}
}

// attestedAt is the workstation at which a step is attested: of those in the room,
// the disconnected one.
func attestedAt(s script.Step) script.Place {
	if s.Place == script.Room {
		return script.Disconnected
	}
	return s.Place
}

// here reports whether a step is attested at this workstation.
func (c *Course) here(s script.Step) bool { return attestedAt(s) == c.At }

// last is the last step that is attested here. Every plan has one.
func (c *Course) last() script.Step {
	for _, s := range slices.Backward(c.steps) {
		if c.here(s) {
			return s
		}
	}
	return script.Step{}
}

// Attesters are those who attest each step: the witnesses, or in a rehearsal
// without any whoever leads.
func (c *Course) Attesters() (names []string) {
	for _, w := range c.Plan.Witnesses {
		names = append(names, w.Name)
	}
	if len(names) > 0 {
		return names
	}
	for _, r := range c.Plan.Roles {
		if r.Role == plan.RoleAdministrator {
			return []string{r.Name}
		}
	}
	return nil
}

// line is the command line of a step with the plan, as it is typed.
func (c *Course) line(s script.Step) string {
	line := c.Program
	for _, word := range c.words(s) {
		line += " " + quoted(word)
	}
	return line
}

// words are the arguments of a step's command.
func (c *Course) words(s script.Step) []string {
	return slices.Concat(s.Command, []string{"--plan", c.File})
}

// again is the command that goes on where the log ends.
func (c *Course) again() string {
	line := c.Program + " ceremony run --plan " + printable.Quote(c.File)
	for _, o := range c.Options {
		line += " " + quoted(o)
	}
	return line
}

// quoted is a word, or an option with its value, as a shell takes it.
func quoted(word string) string {
	name, value, given := strings.Cut(word, "=")
	switch {
	case !strings.HasPrefix(word, "--"):
		return printable.Quote(word)
	case given:
		return name + "=" + printable.Quote(value)
	}
	return word
}
