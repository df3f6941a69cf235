// Package dryrun holds the ceremony of a plan before its day: every command of
// every step, in order, on this computer, with SoftHSM in the place of the HSM and
// a rehearsal vault in the place of each vault. What people would be asked is
// answered by options. The transcript is the same whenever the plan is: what
// differs from run to run is marked.
//
// Use Hold with a plan that [plan.Plan.Check] finds nothing in. It shows that the
// steps follow from one another and that the types, names, operations and days of
// the plan are possible; it cannot show what a real HSM or vault does, and nothing
// that it makes counts. It links the rehearsal vault: byok-offline never imports it.
package dryrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/plan"
	"byok/internal/printable"
	"byok/internal/script"
)

// Config is what a dry run needs.
type Config struct {
	Plan    *plan.Plan
	File    string // path of the plan; release policies are beside it
	SHA256  fingerprint.Sum
	Online  string                           // path of byok-online
	Offline string                           // path of byok-offline, see Offline
	Keep    string                           // new folder for all that the dry run makes; "" for one that is removed
	Say     func(format string, args ...any) // progress
}

// Hold holds the ceremony and returns its transcript, whole or up to the step that
// failed. The error names that step, and has its status; the hint is what the plan
// could change. Where ctx ends, the command under way is interrupted.
func Hold(ctx context.Context, c Config) (transcript []byte, err error) {
	r, err := prepare(c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.scratch.leave()) }()
	stop, err := r.serve(ctx)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return nil, err
	}
	if err := r.writePlan(); err != nil {
		return nil, err
	}
	r.transcript.marks = newMarks(r.plan, r.scratch)
	r.transcript.head(c, r.changes, len(script.Steps(r.plan)))
	err = r.steps(ctx)
	if err == nil {
		err = r.made(ctx)
	}
	r.transcript.result(err)
	return r.transcript.text.Bytes(), err
}

// run is a dry run under way.
type run struct {
	Config
	plan       *plan.Plan // as it is held here
	changes    []string   // what is other in it
	policies   map[string]string
	scratch    scratch
	vaults     map[string]*vault // by the plan's names
	hknso      string            // once the world is there
	transcript transcript
}

// prepare looks for everything that a dry run needs, and makes its folder.
func prepare(c Config) (*run, error) {
	held, changes, policies := rehearsed(c.Plan, time.Now())
	r := &run{Config: c, plan: held, changes: changes, policies: policies, vaults: map[string]*vault{}}
	var err error
	if r.scratch, err = newScratch(c.Keep); err != nil {
		return nil, err
	}
	if err := r.scratch.furnish(r); err != nil {
		return nil, errors.Join(err, r.scratch.leave())
	}
	return r, nil
}

// writePlan writes the plan as it is held here, which must be one that can be.
func (r *run) writePlan() error {
	data, err := encode(r.plan)
	if err != nil {
		return err
	}
	again, err := plan.Parse(planFile, data)
	if err != nil {
		return err
	}
	if found := again.Check(time.Now()); len(found) > 0 {
		return exitcode.Errorf(exitcode.Check, "the plan cannot be held on this computer: %s: %s",
			found[0].Field, found[0].Says)
	}
	return durable.WriteFile(r.scratch.path(planFile), data, 0o600)
}

// steps holds every step, to the first that fails.
func (r *run) steps(ctx context.Context) error {
	list := script.Steps(r.plan)
	for i, s := range list {
		title := fmt.Sprintf("%d. %s", i+1, s.Title)
		r.Say("step %d of %d: %s", i+1, len(list), printable.Escape(s.Title))
		r.transcript.step(title, s)
		about := stepOf(r, s)
		if err := r.hold(ctx, about); err != nil {
			return r.failed(fmt.Sprintf("step %d (%s)", i+1, s.Title), about, err)
		}
	}
	return nil
}

// hold holds one step: what people type in a shell, then its command.
func (r *run) hold(ctx context.Context, s step) error {
	for _, a := range s.Acts {
		if line, types := a.Typed(); types {
			if err := r.transcript.ran(line, nil, r.shell(ctx, line)); err != nil {
				return err
			}
		}
	}
	if s.Command == nil {
		return nil
	}
	answers, err := r.answers(s)
	if err != nil {
		return err
	}
	if err := r.ran(ctx, s.Place, s.Command, answers); err != nil {
		return err
	}
	return r.learn(ctx, s)
}

// ran runs a command of a program, and writes it into the transcript.
func (r *run) ran(ctx context.Context, at script.Place, words, answers []string) error {
	program := "byok-offline"
	if at == script.Connected {
		program = "byok-online"
	}
	o := r.program(ctx, at, slices.Concat(words, answers))
	return r.transcript.ran(quoted(append([]string{program}, words...)), answers, o)
}

// made shows what there is after the last step: the keys, what lies on the stick,
// and the records, which hold together to their last line.
func (r *run) made(ctx context.Context) error {
	r.transcript.title("What was made")
	for _, c := range []struct {
		at    script.Place
		words []string
	}{
		{script.Disconnected, []string{"key", "list"}},
		{script.Disconnected, []string{"ceremony", "verify"}},
		{script.Connected, []string{"ceremony", "verify"}},
	} {
		if err := r.ran(ctx, c.at, c.words, nil); err != nil {
			return err
		}
	}
	names, err := r.scratch.list(r.plan.Stick)
	for i, name := range names {
		names[i] = r.transcript.marks.of(name)
	}
	r.transcript.list("On the stick:", names)
	return err
}
