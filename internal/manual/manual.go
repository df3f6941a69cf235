// Package manual holds what there is to read about the commands of a program:
// one [Page] for the program, for each group of commands and for each command,
// all built from the commands themselves, so that --help, the manual pages and
// the completions of package completion cannot differ.
//
// Build the pages with [Pages], and print them with [Page.Help] for a terminal
// or [Page.Roff] for man. Do not write an option's text anywhere else than in
// its Usage: the placeholder in backquotes first, and a default at the end, as
// "(default: …)".
package manual

import (
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Program is what the pages of a program are built from.
type Program struct {
	Name     string // byok-offline
	Summary  string // one line
	Text     string // prose with a worked session
	Commands []*cli.Command
	Global   []cli.Flag                // what every command takes, before its name or after it
	Required map[*cli.Command][]string // options that must be given, by their command
	Examples map[string]string         // a worked line, by its command: "key generate"
	Values   map[string][]string       // the words that an option takes, by its name
}

// Page is what there is to read about a program, a group or a command.
type Page struct {
	Path     []string // "byok-offline", "key", "generate"
	Summary  string   // one line
	Usage    string   // "byok-offline key generate --ident NAME [options]"
	Text     string   // more than the summary, or ""
	Example  string   // a worked line, or ""
	Commands []Entry  // of a program or a group; none of a command
	Groups   []Group  // of options: those that must be given first, the global ones last
}

// Entry is a command in the list of its group.
type Entry struct{ Name, Summary string }

// Group is a number of options that belong together.
type Group struct {
	Title   string
	Options []Option
}

// Option is an option of a command.
type Option struct {
	Names    []string // without dashes; the first is the long one
	Word     string   // placeholder of the value, "" for an option without one
	Meaning  string   // goes on where the placeholder ends
	Default  string
	Required bool
	Repeated bool
	Values   []string // what it takes, where that is one of a few words
	Variable string   // of the environment that gives it as well, or ""
}

// Name returns the page's name for man: byok-offline-key-generate.
func (p Page) Name() string { return strings.Join(p.Path, "-") }

// Title returns the words that a person types for it: byok-offline key generate.
func (p Page) Title() string { return strings.Join(p.Path, " ") }

// Options returns the options of all groups.
func (p Page) Options() []Option {
	var all []Option
	for _, g := range p.Groups {
		all = append(all, g.Options...)
	}
	return all
}

// Pages returns the program's page, and behind each page those below it.
func Pages(p Program) []Page {
	top := Page{
		Path:     []string{p.Name},
		Summary:  p.Summary,
		Usage:    p.Name + " COMMAND [options]",
		Text:     p.Text,
		Commands: entries(p.Commands),
		Groups:   []Group{{globalTitle, append(p.global(), versionOption())}},
	}
	return append([]Page{top}, p.below(top.Path, p.Commands)...)
}

// Find returns the page of a path, which is without the program's name.
func Find(pages []Page, path []string) (Page, bool) {
	i := slices.IndexFunc(pages, func(p Page) bool { return slices.Equal(p.Path[1:], path) })
	if i < 0 {
		return Page{}, false
	}
	return pages[i], true
}

func (p Program) below(path []string, commands []*cli.Command) (pages []Page) {
	for _, c := range commands {
		path := append(slices.Clone(path), c.Name)
		if len(c.Subcommands) == 0 {
			pages = append(pages, p.command(path, c))
			continue
		}
		pages = append(pages, Page{
			Path:     path,
			Summary:  c.Usage,
			Usage:    strings.Join(path, " ") + " COMMAND [options]",
			Text:     c.Description,
			Commands: entries(c.Subcommands),
			Groups:   []Group{{globalTitle, p.global()}},
		})
		pages = append(pages, p.below(path, c.Subcommands)...)
	}
	return pages
}

func (p Program) command(path []string, c *cli.Command) Page {
	groups := p.groups(c)
	usage := strings.Join(path, " ")
	for _, o := range groups[0].Options {
		if o.Required {
			usage += " " + o.short()
		}
	}
	return Page{
		Path:    path,
		Summary: c.Usage,
		Usage:   strings.TrimSpace(usage + " [options] " + c.ArgsUsage),
		Text:    c.Description,
		Example: p.Examples[strings.Join(path[1:], " ")],
		Groups:  groups,
	}
}

func entries(commands []*cli.Command) (list []Entry) {
	for _, c := range commands {
		list = append(list, Entry{c.Name, c.Usage})
	}
	return list
}

// global are the options of every command, except those whose name a command
// has given to one of its own.
func (p Program) global(own ...cli.Flag) []Option {
	var list []Option
	for _, f := range p.Global {
		o := p.option(f)
		replaced := func(f cli.Flag) bool { return f.Names()[0] == o.Names[0] && !p.option(f).same(o) }
		if !slices.ContainsFunc(own, replaced) {
			list = append(list, o)
		}
	}
	return append(list, helpOption())
}

func helpOption() Option { return Option{Names: []string{"help", "h"}, Meaning: "show help"} }

func versionOption() Option {
	return Option{Names: []string{"version", "v"}, Meaning: "show version and build"}
}

var (
	placeholder = regexp.MustCompile("^`([^`]*)` ?")
	defaultText = regexp.MustCompile(` *\(default: ([^()]*)\)$`)
)

func (p Program) option(f cli.Flag) Option {
	o := Option{Names: f.Names(), Values: p.Values[f.Names()[0]]}
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return o
	}
	o.Meaning = d.GetUsage()
	if m := placeholder.FindStringSubmatch(o.Meaning); m != nil {
		o.Word, o.Meaning = m[1], o.Meaning[len(m[0]):]
	}
	if slice, ok := f.(cli.DocGenerationSliceFlag); ok {
		o.Repeated = slice.IsSliceFlag()
	}
	if m := defaultText.FindStringSubmatch(o.Meaning); m != nil {
		o.Default, o.Meaning = m[1], strings.TrimSuffix(o.Meaning, m[0])
	} else if text := strings.Trim(d.GetDefaultText(), `" `); d.TakesValue() && !o.Repeated {
		o.Default = text
	}
	if names := d.GetEnvVars(); len(names) > 0 {
		o.Variable = names[0]
	}
	return o
}

// short is an option as the usage line shows it: "--card DIR …".
func (o Option) short() string {
	text := "--" + o.Names[0]
	if len(o.Names) > 1 {
		text = "-" + o.Names[1]
	}
	if o.Word != "" {
		text += " " + o.Word
	}
	if o.Repeated {
		text += " …"
	}
	return text
}
