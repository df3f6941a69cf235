package command

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Lend runs f, in which a child process has the terminal. What is typed there is
// the child's to answer: a signal cancels r.Context, as always, but nothing is said,
// and this process does not end before f has returned.
func (r *Run) Lend(f func()) {
	r.Program.lent.Store(true)
	defer r.Program.lent.Store(false)
	f()
}

// Names returns the command that a command line names, such as "ceremony run", as
// far as the line can be understood. It reads no plan.
func (p *Program) Names(args []string) string {
	planner := p.Planned
	defer func() { p.Planned = planner }()
	p.Planned = nil
	p.complete()
	_, _ = p.arrange(args) // what is wrong with it, Main says
	return p.named
}

// Passed returns the options of r's command line that the command of a longer line
// takes as well, each as --name=value, without those of own. What an environment
// variable gives is not among them: a child process reads it itself.
func (r *Run) Passed(line, own []string) (options []string) {
	taken := r.Program.flagsOf(line)
	for _, f := range r.Command.Flags {
		name := f.Names()[0]
		if r.IsSet(name) && hasFlag(taken, name) && !slices.Contains(own, name) && !r.fromEnvironment(f) {
			for _, value := range r.texts(name) {
				options = append(options, "--"+name+"="+value)
			}
		}
	}
	return options
}

// flagsOf are the options of the command that a line begins with.
func (p *Program) flagsOf(line []string) []cli.Flag {
	for name, c := range leaves(nil, p.Commands) {
		words := strings.Fields(name)
		if len(line) >= len(words) && slices.Equal(line[:len(words)], words) {
			return c.Flags
		}
	}
	return nil
}

// fromEnvironment reports whether an option has the value that a variable gives it.
func (r *Run) fromEnvironment(f cli.Flag) bool {
	documented, ok := f.(cli.DocGenerationFlag)
	return ok && slices.ContainsFunc(documented.GetEnvVars(), func(name string) bool {
		value, given := os.LookupEnv(name)
		return given && slices.Equal(r.texts(f.Names()[0]), []string{value})
	})
}

// texts are the values of an option as they were given.
func (r *Run) texts(name string) []string {
	if several, ok := r.Value(name).(cli.StringSlice); ok {
		return several.Value()
	}
	return []string{fmt.Sprint(r.Value(name))}
}
