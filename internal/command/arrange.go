package command

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/exitcode"
)

// line is a command line that was understood.
type line struct {
	path    []string     // the command that it names
	command *cli.Command // the same, unless help is asked for
	words   []string     // its options, "--" and files
	help    bool         // the help of path is asked for
}

// arrange reads the command line, in which options stand anywhere: before the
// command, as in "--output json key list", and after its files, as in "upload
// FILE --vault URL". The flag package would stop at the first word that is not
// an option. Words after "--" stay as they are. An unknown command or option is
// an error that says what there is.
func (p *Program) arrange(args []string) (line, error) {
	w := walk{Program: p, commands: p.Commands, asked: slices.ContainsFunc(args, isHelp)}
	for len(args) > 0 {
		var done bool
		var err error
		if args, done, err = w.step(args); err != nil || done {
			p.named = strings.Join(w.path, " ")
			return w.line, err
		}
	}
	err := w.incomplete()
	p.named = strings.Join(w.path, " ")
	return w.line, err
}

// walk goes down the tree of commands, word by word.
type walk struct {
	*Program
	line
	commands []*cli.Command // those that may follow
	early    []string       // options before the command's name
	asked    bool           // for help, by --help anywhere
	helping  bool           // the command "help" was given
}

// step takes the first of the words, and returns the rest; done if there is
// nothing left to find out.
func (w *walk) step(args []string) (rest []string, done bool, err error) {
	word := args[0]
	if strings.HasPrefix(word, "-") {
		return w.before(args)
	}
	c := find(w.commands, word)
	switch {
	case word == "help" && len(w.path) == 0:
		w.helping = true
		return args[1:], false, nil
	case c == nil && w.asked:
		w.help = true
		return nil, true, nil
	case c == nil:
		return nil, true, w.unknownCommand(args)
	}
	w.path, w.commands = append(w.path, c.Name), c.Subcommands
	if len(c.Subcommands) > 0 {
		return args[1:], false, nil
	}
	return nil, true, w.leaf(c, args[1:])
}

// before takes an option that stands before the name of the command.
func (w *walk) before(args []string) (rest []string, done bool, err error) {
	word := args[0]
	f, value := flagOf(w.allFlags(), word)
	switch {
	case isHelp(word):
		return args[1:], false, nil
	case len(w.path) == 0 && (word == "--version" || word == "-v"):
		return append([]string{"version"}, args[1:]...), false, nil
	case f == nil && w.asked:
		w.help = true
		return nil, true, nil
	case f == nil:
		return nil, true, w.unknownBefore(word)
	case value == "" && !isBool(f) && len(args) > 1:
		w.early = append(w.early, word, args[1])
		return args[2:], false, nil
	}
	w.early = append(w.early, word)
	return args[1:], false, nil
}

// leaf reads what belongs to a command that is found.
func (w *walk) leaf(c *cli.Command, args []string) error {
	if w.help = w.asked && !w.literal(args) || w.helping; w.help {
		return nil
	}
	words, err := w.separate(c, append(w.early, args...))
	if err == nil {
		words, err = w.follow(c, words)
	}
	w.command, w.words = c, words
	return err
}

// literal reports whether every word that asks for help stands after "--",
// where it is the name of a file.
func (w *walk) literal(args []string) bool {
	end := slices.Index(args, "--")
	return end >= 0 && !slices.ContainsFunc(args[:end], isHelp)
}

// incomplete is for a line that ends before a command that does something.
func (w *walk) incomplete() error {
	if name := w.Alone[strings.Join(w.path, " ")]; name != "" && !w.asked && !w.helping && len(w.early) > 0 {
		_, _, err := w.step([]string{name})
		return err
	}
	if w.asked || w.helping || len(w.path) == 0 && len(w.early) == 0 {
		if w.help = true; w.asked && w.helping && len(w.path) == 0 {
			w.path = []string{"help"}
		}
		return nil
	}
	if len(w.path) == 0 {
		return w.hintCommands(exitcode.Errorf(exitcode.Usage, "a command is required"))
	}
	return w.hintCommands(exitcode.Errorf(exitcode.Usage, "%s: a subcommand is required", strings.Join(w.path, " ")))
}

func isHelp(word string) bool { return word == "--help" || word == "-h" }

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

// allFlags are the options of all commands: whether one takes a value does not
// depend on the command.
func (p *Program) allFlags() (all []cli.Flag) {
	for _, c := range leaves(nil, p.Commands) {
		all = append(all, c.Flags...)
	}
	return all
}
