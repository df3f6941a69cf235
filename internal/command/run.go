package command

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/stamp"
	"byok/internal/term"
)

// Result is what a command found or made. With --output json it is encoded
// under "data"; otherwise it prints itself for people.
type Result interface {
	Print(w io.Writer) error
}

// Func is a command. It may return a Result and an error together: what was
// found, and why that is not good.
type Func func(r *Run) (Result, error)

// Run is one invocation of a command. What passes through its methods is in
// the ceremony log, if the command is a step.
type Run struct {
	*cli.Context
	Program *Program
	Console *term.Console
	Event   *ceremony.Event // of the command's end; unused if the command is not a step
	Log     *ceremony.Log   // nil unless the command is a step

	running Running
}

// Step wraps a command that is a step of the procedure: it ends with a Result
// line, is recorded, and holds kmdata for itself while it runs.
func (p *Program) Step(f Func) cli.ActionFunc {
	return p.action(recorded(exclusive(contained(f))), true)
}

// Check wraps a command that looks and finds something good or bad: it ends
// with a Result line, and writes nothing.
func (p *Program) Check(f Func) cli.ActionFunc { return p.action(contained(f), true) }

// Action wraps a command that only looks, or that changes nothing of a
// ceremony: no Result line, no record, and kmdata stays as it is.
func (p *Program) Action(f Func) cli.ActionFunc { return p.action(contained(f), false) }

// action runs f and shows what came of it. The Result line comes last, when
// the event is in the log; a line of the retired procedure always has one.
func (p *Program) action(f Func, resultLine bool) cli.ActionFunc {
	return func(c *cli.Context) error {
		resultLine := resultLine || p.retired
		r := &Run{Context: c, Program: p, Console: p.Console, Event: p.event(c)}
		if missing := p.missing(c); missing != "" {
			return r.misused("%s needs %s", r.Event.Command, missing)
		}
		r.running = Running{Command: r.Event.Command, JSON: c.String("output") == "json", ResultLine: resultLine}
		r.watch()
		result, err := f(r)
		p.Console.Restore()
		err = r.show(result, marked(err), resultLine)
		r.running = Running{}
		r.watch()
		return err
	}
}

// missing names the options that must be given and are not: "--ident, --card".
func (p *Program) missing(c *cli.Context) string {
	var names []string
	for _, name := range p.required[c.Command] {
		if !c.IsSet(name) || c.Value(name) == "" {
			names = append(names, "--"+name)
		}
	}
	return strings.Join(names, ", ")
}

func (p *Program) event(c *cli.Context) *ceremony.Event {
	e := &ceremony.Event{
		Program:   p.Name,
		Version:   p.Version,
		Command:   trimProgram(c.Command.HelpName),
		Arguments: argumentsOf(c),
		Operator:  operator(),
	}
	p.followed.note(e)
	return e
}

// trimProgram turns "byok-offline acl modify" into "acl modify".
func trimProgram(helpName string) string {
	if _, name, found := strings.Cut(helpName, " "); found {
		return name
	}
	return helpName
}

func operator() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}

// recorded puts a begin event before f and an end event after it.
func recorded(f Func) Func {
	return func(r *Run) (Result, error) {
		dir, err := r.KMData()
		if err != nil {
			return nil, err
		}
		if r.Program.Before != nil {
			if err := r.Program.Before(r, dir); err != nil {
				return nil, err
			}
		}
		if r.Log, err = ceremony.Open(dir); err != nil {
			return nil, err
		}
		if err := r.begin(dir); err != nil {
			return nil, err
		}
		result, err := f(r)
		return result, errors.Join(err, r.end(err))
	}
}

func (r *Run) begin(dir string) error {
	begin := *r.Event
	var err error
	if begin.Executable, err = ExecutableSum(); err != nil {
		return err
	}
	start := time.Now()
	begin.Phase, begin.Time = ceremony.Begin, stamp.Of(start)
	a, err := r.Log.Append(begin)
	if err != nil {
		return err
	}
	r.running.KMData, r.running.Began, r.running.Start, r.running.Event = dir, a.Lines, start, r.Event
	r.watch()
	if a.Before.After(begin.Time) {
		r.Console.Warning("the clock of this computer says %s, and the last event in the log was at %s: set the clock",
			stamp.Text(begin.Time), stamp.Text(a.Before))
	}
	return nil
}

func (r *Run) end(failed error) error {
	_, err := r.Log.Append(r.running.end(failed))
	err = exitcode.Mark(exitcode.Failed, err) // whatever it is, the command is done
	r.running.Event = nil
	r.watch()
	return err
}

// Note records, at once, something worth telling an auditor: a comparison that
// was made, a deviation with its reason. What can wait for the command's end
// goes to r.Event.AddNote. It does nothing in a command that is not a step.
func (r *Run) Note(notes ...ceremony.Note) error {
	if r.Log == nil {
		return nil
	}
	e := r.between()
	e.Phase, e.Notes = ceremony.Noted, notes
	_, err := r.Log.Append(e)
	r.watch() // the event has grown since it began
	return err
}

// Seal has a module sign the log as it is now; see [ceremony.Log.Seal].
func (r *Run) Seal(sign func(ceremony.Head) (ceremony.Seal, error)) error {
	_, err := r.Log.Seal(r.between(), sign)
	return err
}

// between is an event between the command's begin and its end.
func (r *Run) between() ceremony.Event {
	return ceremony.Event{
		Time:      stamp.Now(),
		Program:   r.Event.Program,
		Version:   r.Event.Version,
		Command:   r.Event.Command,
		Began:     r.running.Began,
		Rehearsal: r.Event.Rehearsal,
		Module:    r.Event.Module,
	}
}

// exclusive runs f while no other step of either program works on kmdata.
func exclusive(f Func) Func {
	return func(r *Run) (Result, error) {
		dir, err := r.KMData()
		if err != nil {
			return nil, err
		}
		holder := fmt.Sprintf("%s %s, process %d", r.Event.Program, r.Event.Command, cmp.Or(r.Program.Process, os.Getpid()))
		release, err := ceremony.Hold(dir, holder)
		if err != nil {
			return nil, err
		}
		defer release()
		return f(r)
	}
}

// marked gives an error that has no status yet the usual one: Refused for what
// is in place of a file and cannot be it, and Failed for everything else.
func marked(err error) error {
	if errors.Is(err, durable.ErrUnfit) {
		return exitcode.Mark(exitcode.Refused, err)
	}
	return exitcode.Mark(exitcode.Failed, err)
}

// contained prepares the process, runs f, and turns a panic into an error.
func contained(f Func) Func {
	return func(r *Run) (result Result, err error) {
		defer func() {
			if cause := recover(); cause != nil {
				result, err = nil, r.Program.panicked(cause)
			}
			err = marked(err)
		}()
		if r.Program.Prepare != nil {
			if err := r.Program.Prepare(r); err != nil {
				return nil, err
			}
			r.watch() // it may have made notes
		}
		result, err = f(r)
		if r.Program.Explain != nil && err != nil {
			err = r.Program.Explain(r, err)
		}
		return result, err
	}
}
