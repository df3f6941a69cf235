package command

import (
	"context"
	"flag"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/exitcode"
)

// invoke runs the command of a line. It stands in for [cli.App.Run], all of whose
// work on a command line is done before: the App prints help by package
// text/template, and a program that links that keeps every method of every type,
// which makes it a fifth larger and harder to search for what it must not hold.
func (p *Program) invoke(ctx context.Context, l line) error {
	c, name := l.command, strings.Join(l.path, " ")
	c.HelpName = p.Name + " " + name
	set, err := parsed(c, l.words)
	if err != nil {
		return exitcode.Errorf(exitcode.Usage, "%s: %w", name, err).Hint("%s --help", c.HelpName)
	}
	run := cli.NewContext(nil, set, &cli.Context{Context: ctx})
	run.Command = c
	return c.Action(run)
}

// parsed reads the options of a command, and the variables that give some.
func parsed(c *cli.Command, words []string) (*flag.FlagSet, error) {
	set := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	set.SetOutput(io.Discard) // what goes wrong is said by report
	lists := map[string]*list{}
	for _, f := range c.Flags {
		if err := f.Apply(set); err != nil {
			return nil, err
		}
		if name := f.Names()[0]; isSlice(f) {
			lists[name] = &list{}
			set.Lookup(name).Value = lists[name]
		}
	}
	err := set.Parse(words)
	for name, l := range lists {
		set.Lookup(name).Value = cli.NewStringSlice(l.values...)
	}
	return set, err
}

// list is the value of an option that may be given several times. Unlike
// [cli.StringSlice] it does not part a value at commas: "--holder 'Smith, Alice'"
// is one holder.
type list struct{ values []string }

func (l *list) String() string { return strings.Join(l.values, " ") }

// Set adds a value.
func (l *list) Set(value string) error {
	l.values = append(l.values, strings.TrimSpace(value))
	return nil
}
