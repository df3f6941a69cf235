package command

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/exitcode"
)

// arrange moves the options of the named command before its file names,
// because the flag package stops at the first word that is not an option and
// people write "upload FILE --vault URL". Words after "--" stay as they are.
// An unknown command or option is an error that says what there is. "help"
// and "version" are the options of these names.
func arrange(program string, commands []*cli.Command, args []string) ([]string, error) {
	args = spelled(args)
	path := []string{}
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		c := find(commands, args[0])
		if c == nil {
			return nil, unknownCommand(program, path, args[0], commands)
		}
		path, args = append(path, args[0]), args[1:]
		if len(c.Subcommands) == 0 {
			words, err := separate(program, path, c.Flags, args)
			return append(path, words...), err
		}
		commands = c.Subcommands
	}
	if len(args) == 0 && len(path) > 0 {
		err := exitcode.Errorf(exitcode.Usage, "%s: a subcommand is required", strings.Join(path, " "))
		return nil, hintCommands(err, program, path, commands)
	}
	if len(args) > 0 && isHelp(args[0]) {
		return append(path, args[0]), nil
	}
	if len(args) > 0 && (len(path) > 0 || !isVersion(args[0])) {
		err := exitcode.Errorf(exitcode.Usage, "option %s stands before the command", optionName(args[0]))
		words := append([]string{program}, path...)
		return nil, err.Hint("%s COMMAND %s", strings.Join(words, " "), optionName(args[0]))
	}
	return append(path, args...), nil
}

// spelled turns the commands that people expect into the options there are:
// "help key list" into "key list --help".
func spelled(args []string) []string {
	switch {
	case len(args) > 0 && args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	case len(args) == 1 && args[0] == "version":
		return []string{"--version"}
	}
	return args
}

// isHelp reports whether a word asks for help. It counts wherever it stands:
// urfave/cli would look for a topic by the name of a file.
func isHelp(word string) bool { return word == "--help" || word == "-h" }

func isVersion(word string) bool { return word == "--version" || word == "-v" }

// optionName is an option as people write it, without its value.
func optionName(word string) string {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func find(commands []*cli.Command, name string) *cli.Command {
	i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(name) })
	if i < 0 {
		return nil
	}
	return commands[i]
}

func unknownCommand(program string, path []string, name string, commands []*cli.Command) error {
	var known []string
	for _, c := range commands {
		known = append(known, c.Name)
	}
	err := exitcode.Errorf(exitcode.Usage, "unknown command %q", strings.Join(append(path, name), " "))
	if near := nearest(name, known); near != "" {
		return err.Hint("%s", strings.Join(append(append([]string{program}, path...), near), " "))
	}
	return hintCommands(err, program, path, commands)
}

func hintCommands(err error, program string, path []string, commands []*cli.Command) error {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	return exitcode.Hint(err, "%s %s", strings.Join(append([]string{program}, path...), " "), strings.Join(names, "|"))
}

// separate returns the options of a command's words, each as --name or
// --name=value, then "--" and the rest.
func separate(program string, path []string, known []cli.Flag, args []string) ([]string, error) {
	line := commandLine{program: program, command: strings.Join(path, " "), known: known, given: map[cli.Flag]bool{}}
	var rest []string
	for len(args) > 0 {
		word := args[0]
		switch {
		case word == "--":
			return slices.Concat(line.options, []string{"--"}, rest, args[1:]), nil
		case len(word) < 2 || word[0] != '-':
			rest, args = append(rest, word), args[1:]
			continue
		case isHelp(word) && !line.knows(word), !line.knows(word) && slices.ContainsFunc(args, isHelp):
			return []string{"--help"}, nil
		}
		var err error
		if args, err = line.option(args); err != nil {
			return nil, err
		}
	}
	return slices.Concat(line.options, []string{"--"}, rest), nil
}

// commandLine is a command's options as they are read.
type commandLine struct {
	program, command string
	known            []cli.Flag
	given            map[cli.Flag]bool
	options          []string
}

func (l *commandLine) knows(word string) bool {
	f, _ := flagOf(l.known, word)
	return f != nil
}

// option takes the option that args begin with, and its value, and returns the
// words behind it.
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
	l.given[f] = true
	l.options = append(l.options, "--"+f.Names()[0]+value)
	return args, nil
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
	var names []string
	for _, f := range l.known {
		names = append(names, f.Names()[0])
	}
	err := exitcode.Errorf(exitcode.Usage, "%s: unknown option %s", l.command, optionName(word))
	if near := nearest(strings.TrimLeft(optionName(word), "-"), names); near != "" {
		return err.Hint("%s %s --%s", l.program, l.command, near)
	}
	return err.Hint("%s %s --help", l.program, l.command)
}

func (l *commandLine) refuse(f cli.Flag, why string) error {
	return exitcode.Errorf(exitcode.Usage, "%s: --%s %s", l.command, f.Names()[0], why).
		Hint("%s %s --help", l.program, l.command)
}

func isBool(f cli.Flag) bool {
	_, yes := f.(*cli.BoolFlag)
	return yes
}

func isSlice(f cli.Flag) bool {
	slice, yes := f.(cli.DocGenerationSliceFlag)
	return yes && slice.IsSliceFlag()
}
