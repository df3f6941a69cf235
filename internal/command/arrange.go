package command

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/exitcode"
)

// arrange moves the flags of the named command before its file names, because
// the flag package stops at the first word that is not a flag and people
// write "upload FILE --vault URL". Words after "--" stay as they are. An
// unknown command is an error that says what there is.
func arrange(program string, commands []*cli.Command, args []string) ([]string, error) {
	path := []string{}
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		c := find(commands, args[0])
		if c == nil {
			err := exitcode.Errorf(exitcode.Usage, "unknown command %q", strings.Join(append(path, args[0]), " "))
			return nil, hintCommands(err, program, path, commands)
		}
		path, args = append(path, args[0]), args[1:]
		if len(c.Subcommands) == 0 {
			words, err := separate(strings.Join(path, " "), c.Flags, args)
			return append(path, words...), err
		}
		commands = c.Subcommands
	}
	if len(args) == 0 && len(path) > 0 {
		err := exitcode.Errorf(exitcode.Usage, "%s needs one more word", strings.Join(path, " "))
		return nil, hintCommands(err, program, path, commands)
	}
	if len(args) > 0 && isHelp(args[0]) {
		args = args[:1]
	}
	return append(path, args...), nil
}

// isHelp tells what asks for help, whatever else is there: urfave/cli would
// look for a topic by the name of a file.
func isHelp(word string) bool { return word == "--help" || word == "-h" }

func find(commands []*cli.Command, name string) *cli.Command {
	i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(name) })
	if i < 0 {
		return nil
	}
	return commands[i]
}

func hintCommands(err error, program string, path []string, commands []*cli.Command) error {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	return exitcode.Hint(err, "%s %s", strings.Join(append([]string{program}, path...), " "), strings.Join(names, "|"))
}

// separate returns the flags of a command's words, each as --name or
// --name=value, then "--" and the rest. What it does not know it leaves to the
// flag package to refuse.
func separate(command string, known []cli.Flag, args []string) ([]string, error) {
	var flags, rest []string
	given := map[cli.Flag]bool{}
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		f, value := flagOf(known, word)
		switch {
		case word == "--":
			return slices.Concat(flags, []string{"--"}, rest, args), nil
		case len(word) < 2 || word[0] != '-':
			rest = append(rest, word)
			continue
		case f == nil && isHelp(word):
			return []string{word}, nil
		case f == nil:
			flags = append(flags, word)
			continue
		case value == "" && !isBool(f) && len(args) == 0:
			return nil, refuseFlag(command, f, "needs a value")
		case given[f] && !isSlice(f):
			return nil, refuseFlag(command, f, "is given twice") // the flag package would take the last
		case value == "" && !isBool(f):
			value, args = "="+args[0], args[1:]
		}
		given[f] = true
		flags = append(flags, "--"+f.Names()[0]+value)
	}
	return slices.Concat(flags, []string{"--"}, rest), nil
}

// flagOf returns the flag that word names, or nil, and what word gives it, from
// the "=" on.
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

func refuseFlag(command string, f cli.Flag, why string) error {
	return exitcode.Errorf(exitcode.Usage, "%s: --%s %s", command, f.Names()[0], why)
}

func isBool(f cli.Flag) bool {
	_, yes := f.(*cli.BoolFlag)
	return yes
}

func isSlice(f cli.Flag) bool {
	slice, yes := f.(cli.DocGenerationSliceFlag)
	return yes && slice.IsSliceFlag()
}
