package command

import (
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"byok/internal/choice"
	"byok/internal/manual"
)

// complete gives every command the shared options.
func (p *Program) complete() {
	if p.required != nil {
		return
	}
	p.required, p.planning = map[*cli.Command][]string{}, map[*cli.Command]bool{}
	p.completeAll(p.Commands)
}

func (p *Program) completeAll(commands []*cli.Command) {
	for _, c := range commands {
		if len(c.Subcommands) > 0 {
			p.completeAll(c.Subcommands)
			continue
		}
		flags := slices.Clone(c.Flags)
		if hasFlag(c.Flags, "module-path") {
			flags = append(flags, p.HSMFlags...)
		}
		c.Flags, p.planning[c] = flags, hasFlag(flags, "plan")
		for _, f := range sharedFlags() {
			if !hasFlag(flags, f.Names()[0]) {
				c.Flags = append(c.Flags, f)
			}
		}
		p.noteRequired(c)
	}
}

func hasFlag(flags []cli.Flag, name string) bool {
	return slices.ContainsFunc(flags, func(f cli.Flag) bool { return f.Names()[0] == name })
}

// noteRequired notes the options that must be given.
func (p *Program) noteRequired(c *cli.Command) {
	for _, f := range c.Flags {
		if r, ok := f.(cli.RequiredFlag); ok && r.IsRequired() {
			p.required[c] = append(p.required[c], f.Names()[0])
		}
	}
}

func setRequired(f cli.Flag, required bool) {
	switch f := f.(type) {
	case *cli.StringFlag:
		f.Required = required
	case *cli.StringSliceFlag:
		f.Required = required
	case *cli.IntFlag:
		f.Required = required
	}
}

// Require marks options of a command that cannot go without them, and returns
// all that it got.
func Require(flags []cli.Flag, names ...string) []cli.Flag {
	for _, f := range flags {
		if slices.Contains(names, f.Names()[0]) {
			setRequired(f, true)
		}
	}
	return flags
}

// sharedFlags are those that every command of both programs has.
func sharedFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name:        "kmdata",
			Usage:       "`DIR` of world, key files and ceremony log",
			DefaultText: usualKMDataText,
			EnvVars:     []string{"BYOK_KMDATA"},
		},
		&cli.StringFlag{Name: "output", Usage: "`FORMAT` of the result: text or json", Value: "text"},
		&cli.StringFlag{Name: "plan", Usage: "`PLAN` that the command is a step of: it knows the other options"},
	}
}

// Pages returns what there is to read about the program and its commands.
func (p *Program) Pages() []manual.Page {
	p.complete()
	return manual.Pages(manual.Program{
		Name:     p.Name,
		Summary:  p.Usage,
		Text:     p.Text,
		Commands: p.Commands,
		Global:   sharedFlags(),
		Required: p.required,
		Examples: p.Examples,
		Values:   p.values(),
	})
}

// showHelp prints the page of a command, a group or the program.
func (p *Program) showHelp(path []string) error {
	pages := p.Pages()
	page, found := manual.Find(pages, path)
	if !found {
		page = pages[0] // of a program without the command help
	}
	_, err := io.WriteString(p.Console.Out, page.Help(p.Console.Width()))
	if err != nil {
		return unprinted(err)
	}
	return nil
}

// choiceOf returns what an option takes; every command has --output.
func (p *Program) choiceOf(name string) (choice.Choice, bool) {
	if name == "output" {
		return choice.Choice{Words: []string{"text", "json"}}, true
	}
	c, ok := p.Choices[name]
	return c, ok
}

// values are the words that options take, for help and completion.
func (p *Program) values() map[string][]string {
	all := map[string][]string{"output": {"text", "json"}}
	for name, c := range p.Choices {
		all[name] = c.Words
	}
	return all
}
