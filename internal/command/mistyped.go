package command

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/choice"
	"byok/internal/exitcode"
)

// unknownCommand refuses the words that no command is called by. The hint is
// the command that was most likely meant.
func (w *walk) unknownCommand(args []string) error {
	err := exitcode.Errorf(exitcode.Usage, "unknown command %q", strings.Join(append(w.path, args[0]), " "))
	var known []string
	for _, c := range w.commands {
		known = append(known, c.Name)
	}
	if near := choice.Nearest(args[0], known); near != "" {
		return err.Hint("%s", strings.Join(append(append([]string{w.Name}, w.path...), near), " "))
	}
	return w.hintCommands(err)
}

func (w *walk) hintCommands(err error) error {
	var names []string
	for _, c := range w.commands {
		names = append(names, c.Name)
	}
	return exitcode.Hint(err, "%s %s", strings.Join(append([]string{w.Name}, w.path...), " "), strings.Join(names, "|"))
}

// leaves are the commands that do something, by their words.
func leaves(path []string, commands []*cli.Command) map[string]*cli.Command {
	all := map[string]*cli.Command{}
	for _, c := range commands {
		path := append(slices.Clone(path), c.Name)
		if len(c.Subcommands) == 0 {
			all[strings.Join(path, " ")] = c
		}
		for name, below := range leaves(path, c.Subcommands) {
			all[name] = below
		}
	}
	return all
}

// unknownBefore refuses an option before the command that no command has.
func (w *walk) unknownBefore(word string) error {
	err := exitcode.Errorf(exitcode.Usage, "unknown option %s", optionName(word))
	at := strings.Join(append([]string{w.Name}, w.path...), " ")
	if near := nearestOption(word, w.allFlags()); near != "" {
		return err.Hint("%s --%s", at, near)
	}
	return err.Hint("%s --help", at)
}

func nearestOption(word string, flags []cli.Flag) string {
	var names []string
	for _, f := range flags {
		if !slices.Contains(names, f.Names()[0]) {
			names = append(names, f.Names()[0])
		}
	}
	return choice.Nearest(strings.TrimLeft(optionName(word), "-"), names)
}
