// Package command is what byok-offline and byok-online do around every
// command, in one place: the options both share, the event in the ceremony log,
// output as text or JSON, the Result line, error and hint, the exit status.
//
// A command is a function that gets a *Run and returns a Result; it prints
// nothing to stdout itself. Wrap it with [Program.Step] when it is a step of
// the procedure, with [Program.Action] when it only looks, and with
// [Program.Check] when it looks and finds something good or bad. Only a step
// is recorded, and only a step writes: looking at evidence must not change it.
//
// A package that talks to people declares the interface it needs; Run has the
// methods for the usual ones: see ui.go.
package command

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/choice"
	"byok/internal/exitcode"
	"byok/internal/interrupt"
	"byok/internal/term"
	"byok/internal/version"
)

// Program is one of the two binaries.
type Program struct {
	Name     string        // byok-offline
	Version  string        // one word
	Built    version.Build // what version shows; the zero Build for Version alone
	Usage    string        // one line
	Text     string        // description: prose with a worked session
	Console  *term.Console
	HSMFlags []cli.Flag               // given to every command with --module-path
	Examples map[string]string        // a worked line of each command, by its words: "key list"
	Choices  map[string]choice.Choice // what options take, by their names
	Alone    map[string]string        // the command that a group's name stands for where options follow, by the group
	Before   func(*Run, string) error // refuses a step before anything is written to kmdata, the string, if set
	Prepare  func(*Run) error         // runs before every command, such as confinement
	Explain  func(*Run, error) error  // adds to the hint of a command's error what only the program knows, if set
	Watch    func(Running)            // gets to know the command under way, if set; see Abandon
	Planned  Planner                  // reads what --plan names, if set
	Process  int                      // the number that people know this program's process by; 0 for its own
	Commands []*cli.Command

	required map[*cli.Command][]string // options that must be given, by their command
	planning map[*cli.Command]bool     // commands with a --plan of their own
	named    string                    // the command that the command line names, as far as it is known
	lent     atomic.Bool               // the terminal is a child's: see Run.Lend
	retired  bool                      // the command line is one of the retired procedure
	followed *followed                 // the plan's step that the command line is, if it names a plan
}

// Main runs the command line and returns the exit status. args excludes the
// program's name. It turns SIGINT, SIGTERM, SIGQUIT and SIGHUP into a cancelled
// context, and a panic into a message: no failure ends the program without
// one. A second signal ends the process at once. The terminal's echo is on
// again when it returns. Call it once for a Program.
func (p *Program) Main(ctx context.Context, args []string) int {
	defer p.Console.Restore()
	// A reader of our output that goes away must not end a step in the middle.
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	signals := make(chan os.Signal, 2)
	interrupt.Notify(signals)
	defer interrupt.Stop(signals)
	ended := make(chan struct{})
	go p.heed(signals, cancel, ended)
	err := p.run(ctx, expanded(args))
	close(ended)
	if !errors.As(err, new(reported)) {
		p.reportUnrun(args, err)
	}
	return int(exitcode.Of(err))
}

// busyAfter is how long after an interrupt a command may go on in silence.
const busyAfter = time.Second

// heed cancels the command at the first signal, and says so where it does not
// end: an HSM's operation has no way to be called off. The second signal ends
// what does not listen, such as an HSM that hangs.
func (p *Program) heed(signals <-chan os.Signal, cancel func(), ended <-chan struct{}) {
	select {
	case <-ended:
		return
	case <-signals:
		cancel()
	}
	busy := time.NewTimer(busyAfter)
	defer busy.Stop()
	for {
		select {
		case <-ended:
			return
		case <-busy.C:
			if p.lent.Load() {
				continue // the child says so
			}
			p.Console.Warning("interrupted, but the step under way is finished first; " +
				"interrupt again to end the program at once")
		case s := <-signals:
			if p.lent.Load() {
				continue
			}
			p.Console.Restore()
			interrupt.End(s)
		}
	}
}

func (p *Program) run(ctx context.Context, args []string) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = p.panicked(cause)
		}
	}()
	p.complete()
	if args, err = p.today(args); err != nil {
		return err
	}
	line, err := p.arrange(args)
	if err != nil {
		return err
	}
	if line.help {
		return p.showHelp(line.path)
	}
	return exitcode.Mark(exitcode.Usage, p.invoke(ctx, line))
}

// panicked keeps the stack for a bug report, without the goroutine's
// arguments, which might hold a secret.
func (p *Program) panicked(cause any) error {
	return exitcode.Errorf(exitcode.Failed, "internal error, nothing more was done: %v", cause).
		Hint("report it with version %s and this trace: %s", p.Version, functions(debug.Stack()))
}
