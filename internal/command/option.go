package command

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/choice"
	"byok/internal/exitcode"
)

// separate returns the options of a command's words, each as --name or
// --name=value, then "--" and the rest.
func (w *walk) separate(c *cli.Command, args []string) ([]string, error) {
	l := commandLine{Program: w.Program, command: strings.Join(w.path, " "), known: c.Flags, given: map[cli.Flag]bool{}}
	var rest []string
	for len(args) > 0 {
		word := args[0]
		switch {
		case word == "--":
			return slices.Concat(l.options, []string{"--"}, rest, args[1:]), nil
		case len(word) < 2 || word[0] != '-':
			rest, args = append(rest, word), args[1:]
			continue
		}
		var err error
		if args, err = l.option(args); err != nil {
			return nil, err
		}
	}
	return slices.Concat(l.options, []string{"--"}, rest), nil
}

// commandLine is a command's options as they are read.
type commandLine struct {
	*Program
	command string
	known   []cli.Flag
	given   map[cli.Flag]bool
	options []string
}

// option takes the option that args begin with, and its value, and returns the
// words after it.
func (l *commandLine) option(args []string) (rest []string, err error) {
	word := args[0]
	f, value := flagOf(l.known, word)
	args = args[1:]
	switch {
	case f == nil:
		return nil, l.unknown(word)
	case value == "" && !isBool(f) && len(args) == 0:
		return nil, l.refuse(f, "needs a value")
	case l.given[f] && !isSlice(f):
		return nil, l.refuse(f, "is given twice") // the flag package would take the last
	case value == "" && !isBool(f):
		value, args = "="+args[0], args[1:]
	}
	if value == "=" { // a variable of the shell that is not set
		return nil, l.refuse(f, "is empty")
	}
	if value != "" {
		if value, err = l.value(f, value[1:]); err != nil {
			return nil, err
		}
	}
	l.given[f] = true
	l.options = append(l.options, "--"+f.Names()[0]+value)
	return args, nil
}

// value returns what the option gets, after "=".
func (l *commandLine) value(f cli.Flag, text string) (string, error) {
	name := f.Names()[0]
	takes, few := l.choiceOf(name)
	if few {
		word, ok := takes.Of(text)
		if !ok {
			return "", l.unlike(name, text, takes)
		}
		text = word
	}
	if example, ok := fits(f, text); !ok {
		return "", exitcode.Errorf(exitcode.Usage, "%s: --%s %s: expected %s", l.command, name, text, example).
			Hint("%s %s --help", l.Name, l.command)
	}
	return "=" + text, nil
}

// unlike refuses a value that is none of the few that the option takes.
func (l *commandLine) unlike(name, text string, takes choice.Choice) error {
	err := exitcode.Errorf(exitcode.Usage, "%s: --%s %s: expected %s", l.command, name, text, takes.Expected())
	if near := takes.Nearest(text); near != "" {
		return err.Hint("%s %s --%s %s", l.Name, l.command, name, near)
	}
	return err.Hint("%s %s --help", l.Name, l.command)
}

// fits reports whether a value is of the option's type, and says what is.
func fits(f cli.Flag, text string) (example string, ok bool) {
	var err error
	switch f.(type) {
	case *cli.BoolFlag:
		example = "true or false"
		_, err = strconv.ParseBool(text)
	case *cli.IntFlag:
		example = "a whole number"
		_, err = strconv.ParseInt(text, 0, 64)
	case *cli.Float64Flag:
		example = "a number"
		_, err = strconv.ParseFloat(text, 64)
	case *cli.DurationFlag:
		example = "hours, minutes and seconds, such as 72h or 1h30m"
		_, err = time.ParseDuration(text)
	}
	return example, err == nil
}

// flagOf returns the option that word names, or nil, and what word gives it,
// from the "=" on.
func flagOf(known []cli.Flag, word string) (f cli.Flag, value string) {
	name := strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-")
	if i := strings.IndexByte(name, '='); i >= 0 {
		name, value = name[:i], name[i:]
	}
	i := slices.IndexFunc(known, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	if i < 0 {
		return nil, ""
	}
	return known[i], value
}

// unknown refuses an option that the command does not have.
func (l *commandLine) unknown(word string) error {
	err := exitcode.Errorf(exitcode.Usage, "%s: unknown option %s", l.command, optionName(word))
	if near := nearestOption(word, l.known); near != "" {
		return err.Hint("%s %s --%s", l.Name, l.command, near)
	}
	return err.Hint("%s %s --help", l.Name, l.command)
}

func (l *commandLine) refuse(f cli.Flag, why string) error {
	return exitcode.Errorf(exitcode.Usage, "%s: --%s %s", l.command, f.Names()[0], why).
		Hint("%s %s --help", l.Name, l.command)
}

func isBool(f cli.Flag) bool {
	_, yes := f.(*cli.BoolFlag)
	return yes
}

func isSlice(f cli.Flag) bool {
	slice, yes := f.(cli.DocGenerationSliceFlag)
	return yes && slice.IsSliceFlag()
}
