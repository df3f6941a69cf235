// Package command is what byok-offline and byok-online do around every
// command, in one place: the flags both share, the event in the ceremony log,
// output as text or JSON, the Result line, error and hint, the exit status.
//
// A command is a function that gets a *Run and returns a Result; it prints
// nothing to stdout itself. Wrap it with Program.Step when it is a step of the
// procedure, with Program.Action when it only looks, and with
// Program.Unrecorded when recording it would change what it shows.
package command

import (
	"cmp"
	"context"
	"errors"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/exitcode"
	"byok/internal/term"
)

// Program is one of the two binaries.
type Program struct {
	Name     string // byok-offline
	Version  string // one word, for the log
	Build    string // what --version prints behind the name; "" for Version
	Usage    string // one line
	Text     string // description: prose with a worked session
	Console  *term.Console
	Flags    []cli.Flag       // given to every command, beside --kmdata and --output
	Prepare  func(*Run) error // runs before every command, such as confinement
	Commands []*cli.Command
}

// Main runs the command line and returns the exit status. args excludes the
// program's name. It turns SIGINT and SIGTERM into a cancelled context, and a
// panic into a message: no failure ends the program without one. A second
// signal ends the process at once. Call it once for a Program.
func (p *Program) Main(ctx context.Context, args []string) int {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ended := make(chan struct{})
	context.AfterFunc(ctx, func() {
		stop() // a second Ctrl-C ends what does not listen, such as an HSM that hangs
		p.sayBusy(ended)
	})
	err := p.run(ctx, args)
	close(ended)
	if !errors.As(err, new(told)) {
		p.tell(err)
	}
	return int(exitcode.Of(err))
}

// patience is how long after an interrupt a command may go on in silence.
const patience = time.Second

// sayBusy tells, after an interrupt, that what cannot be interrupted is being
// finished: an HSM's operation has no way to be called off.
func (p *Program) sayBusy(ended <-chan struct{}) {
	select {
	case <-ended:
	case <-time.After(patience):
		p.Console.Warning("interrupted, but the step under way is finished first; interrupt again to end the program at once")
	}
}

func (p *Program) run(ctx context.Context, args []string) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = p.panicked(cause)
		}
	}()
	p.complete(p.Commands)
	args, err = arrange(p.Name, p.Commands, args)
	if err != nil {
		return err
	}
	app := &cli.App{
		Name: p.Name, Usage: p.Usage, Version: cmp.Or(p.Build, p.Version), Description: p.Text,
		Commands: p.Commands, Writer: p.Console.Out, ErrWriter: p.Console.Err,
		HideHelpCommand: true, CustomAppHelpTemplate: helpTemplate, OnUsageError: usageError,
		ExitErrHandler:            func(*cli.Context, error) {},
		DisableSliceFlagSeparator: true, // "--holder 'Smith, Alice'" is one holder
	}
	return exitcode.Mark(exitcode.Usage, app.RunContext(ctx, append([]string{p.Name}, args...)))
}

// panicked keeps the stack for a bug report, without the goroutine's
// arguments, which might hold a secret.
func (p *Program) panicked(cause any) error {
	return exitcode.Hint(exitcode.Errorf(exitcode.Failed, "internal error, nothing more was done: %v", cause),
		"report it with version %s and this trace: %s", p.Version, functions(debug.Stack()))
}

// complete gives every leaf command the shared flags and our way to refuse
// a wrong command line.
func (p *Program) complete(commands []*cli.Command) {
	for _, c := range commands {
		c.OnUsageError, c.HideHelpCommand, c.CustomHelpTemplate = usageError, true, helpTemplate
		if len(c.Subcommands) > 0 {
			p.complete(c.Subcommands)
			continue
		}
		c.Flags = slices.Concat(c.Flags, sharedFlags(), p.Flags)
		for _, f := range c.Flags {
			if b, ok := f.(*cli.BoolFlag); ok {
				b.DisableDefaultText = true // "(default: false)"
			}
		}
	}
}

func sharedFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "kmdata", Usage: "`DIR` of world, key files and ceremony log (default: ~/.byok/kmdata)", EnvVars: []string{"BYOK_KMDATA"}},
		&cli.StringFlag{Name: "output", Usage: "`FORMAT` of the result: text or json", Value: "text"},
	}
}

func usageError(c *cli.Context, err error, _ bool) error {
	name := c.Command.HelpName
	return exitcode.Hint(exitcode.Errorf(exitcode.Usage, "%s: %w", trimProgram(name), err), "%s --help", name)
}

// trimProgram turns "byok-offline acl modify" into "acl modify".
func trimProgram(helpName string) string {
	if _, name, found := strings.Cut(helpName, " "); found {
		return name
	}
	return helpName
}

// helpTemplate is the help of the program, of a group and of a command.
const helpTemplate = `{{.HelpName}} - {{.Usage}}

usage: {{.HelpName}}{{if .VisibleCommands}} COMMAND{{end}} [options]{{if .ArgsUsage}} {{.ArgsUsage}}{{end}}
{{if .Description}}
{{.Description}}
{{end}}{{if .VisibleCommands}}
commands:
{{range .VisibleCommands}}  {{.Name}}{{"\t"}}{{.Usage}}
{{end}}{{end}}
options:
{{range .VisibleFlags}}  {{.}}
{{end}}`
