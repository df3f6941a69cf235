package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
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
// the ceremony log.
type Run struct {
	*cli.Context
	Program *Program
	Console *term.Console
	Event   *ceremony.Event
}

// Step wraps a command that is a step of the procedure: it ends with a Result
// line, is recorded, and holds kmdata for itself while it runs.
func (p *Program) Step(f Func) cli.ActionFunc {
	return p.action(recorded(exclusive(contained(f))), true)
}

// Action wraps a command that only looks: recorded, without a Result line.
func (p *Program) Action(f Func) cli.ActionFunc { return p.action(recorded(contained(f)), false) }

// Unrecorded wraps a command that reads the ceremony log itself.
func (p *Program) Unrecorded(f Func) cli.ActionFunc { return p.action(contained(f), true) }

// action runs f and shows what came of it. The Result line comes last, when
// the event is in the log.
func (p *Program) action(f Func, resultLine bool) cli.ActionFunc {
	return func(c *cli.Context) error {
		r := &Run{Context: c, Program: p, Console: p.Console, Event: p.event(c)}
		if out := c.String("output"); out != "text" && out != "json" {
			return exitcode.Errorf(exitcode.Usage, "--output %s: text or json is expected", out)
		}
		result, err := f(r)
		return r.show(result, exitcode.Mark(exitcode.Failed, err), resultLine)
	}
}

func (p *Program) event(c *cli.Context) *ceremony.Event {
	return &ceremony.Event{
		Program: p.Name, Version: p.Version, Command: trimProgram(c.Command.HelpName),
		Arguments: append(flagsOf(c), c.Args().Slice()...), Operator: operator(),
	}
}

// flagsOf lists the flags that were given, on the command line or by their
// variable, for the record. No flag takes a secret; PINs come from files or
// the terminal.
func flagsOf(c *cli.Context) []string {
	var given []string
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		if !c.IsSet(name) {
			continue
		}
		if values, ok := c.Value(name).(cli.StringSlice); ok {
			for _, v := range values.Value() {
				given = append(given, "--"+name+"="+v)
			}
			continue
		}
		given = append(given, fmt.Sprintf("--%s=%v", name, c.Value(name)))
	}
	return given
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
		log, err := ceremony.Open(dir)
		if err != nil {
			return nil, err
		}
		start := time.Now()
		begin := *r.Event
		begin.Phase, begin.Time = ceremony.Begin, start.UTC().Truncate(time.Second)
		began, err := log.Append(begin)
		if err != nil {
			return nil, err
		}
		result, err := f(r)
		r.Event.Phase, r.Event.Began, r.Event.Time = ceremony.End, began.Lines, time.Now().UTC().Truncate(time.Second)
		r.Event.Millis = time.Since(start).Milliseconds()
		r.Event.Result, r.Event.Status = verdict(err), int(exitcode.Of(err))
		if err != nil {
			r.Event.Error = err.Error()
		}
		_, unrecorded := log.Append(*r.Event)
		return result, errors.Join(err, unrecorded)
	}
}

// exclusive runs f while no other step of either program works on kmdata.
func exclusive(f Func) Func {
	return func(r *Run) (Result, error) {
		dir, err := r.KMData()
		if err != nil {
			return nil, err
		}
		release, err := ceremony.Hold(dir, fmt.Sprintf("%s %s, process %d", r.Event.Program, r.Event.Command, os.Getpid()))
		if err != nil {
			return nil, err
		}
		defer release()
		return f(r)
	}
}

// contained prepares the process, runs f, and turns a panic into an error.
func contained(f Func) Func {
	return func(r *Run) (result Result, err error) {
		defer func() {
			if cause := recover(); cause != nil {
				result, err = nil, r.Program.panicked(cause)
			}
		}()
		if r.Program.Prepare != nil {
			if err := r.Program.Prepare(r); err != nil {
				return nil, err
			}
		}
		return f(r)
	}
}
