package command

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"byok/internal/term"
)

// everywhere is the group of options that every command has.
const everywhere = "common options"

// helpWidth is the widest that help gets, in columns.
const helpWidth = 80

// programHelp is the help of the program. It is a template without actions,
// as all help here is: urfave/cli prints it as it is.
func (p *Program) programHelp() string {
	var b strings.Builder
	head(&b, p.Name, p.Usage, "COMMAND [options]", p.Text)
	commandList(&b, p.Commands)
	optionList(&b, "options", [][2]string{{"--help, -h", "show help"}, {"--version, -v", "show version and build"}})
	return literal(b.String())
}

// commandHelp is the help of a group or a command.
func (p *Program) commandHelp(path []string, c *cli.Command) string {
	var b strings.Builder
	name := strings.Join(append([]string{p.Name}, path...), " ")
	if len(c.Subcommands) > 0 {
		head(&b, name, c.Usage, "COMMAND [options]", c.Description)
		commandList(&b, c.Subcommands)
		optionList(&b, "options", [][2]string{{"--help, -h", "show help"}})
		return literal(b.String())
	}
	head(&b, name, c.Usage, strings.TrimSpace("[options] "+c.ArgsUsage), c.Description)
	for _, group := range p.groups(c.Flags) {
		rows := p.optionRows(c, group)
		if group == everywhere {
			rows = append(rows, [2]string{"--help, -h", "show help"})
		}
		optionList(&b, title(group), rows)
	}
	return literal(b.String())
}

// literal keeps text/template from reading anything into the text.
func literal(text string) string { return strings.ReplaceAll(text, "{{", `{{"{{"}}`) }

func head(b *strings.Builder, name, usage, words, text string) {
	for _, line := range term.Wrap(name+" - "+usage, helpWidth, "    ") {
		b.WriteString(line + "\n")
	}
	b.WriteString("\n")
	for _, line := range term.Wrap("usage: "+name+" "+words, helpWidth, "    ") {
		b.WriteString(line + "\n")
	}
	if text != "" {
		fmt.Fprintf(b, "\n%s\n", fitted(text))
	}
}

// fitted breaks the lines of a text that are too wide, and keeps their indents.
func fitted(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		rest := strings.TrimLeft(line, " ")
		indent := line[:len(line)-len(rest)]
		if utf8.RuneCountInString(line) <= helpWidth {
			lines = append(lines, line)
			continue
		}
		for _, part := range term.Wrap(rest, helpWidth-len(indent), "") {
			lines = append(lines, indent+part)
		}
	}
	return strings.Join(lines, "\n")
}

func commandList(b *strings.Builder, commands []*cli.Command) {
	var rows [][2]string
	for _, c := range commands {
		if !c.Hidden {
			rows = append(rows, [2]string{c.Name, c.Usage})
		}
	}
	optionList(b, "commands", rows)
}

// optionList prints rows in two columns; what does not fit beside a name goes
// below it.
func optionList(b *strings.Builder, title string, rows [][2]string) {
	const widest = 26
	width := 0
	for _, row := range rows {
		if n := utf8.RuneCountInString(row[0]); n <= widest {
			width = max(width, n)
		}
	}
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", title)
	for _, row := range rows {
		lines := term.Wrap(row[1], helpWidth-width-4, "")
		name := fmt.Sprintf("  %-*s  ", width, row[0])
		if utf8.RuneCountInString(row[0]) > width {
			fmt.Fprintf(b, "  %s\n", row[0])
			name = strings.Repeat(" ", width+4)
		}
		for _, line := range lines {
			b.WriteString(strings.TrimRight(name+line, " ") + "\n")
			name = strings.Repeat(" ", width+4)
		}
	}
}

// groups lists the groups of options: those without a category first, those
// that every command has last.
func (p *Program) groups(flags []cli.Flag) []string {
	all := []string{""}
	for _, f := range flags {
		if g := p.group(f); g != everywhere && !slices.Contains(all, g) {
			all = append(all, g)
		}
	}
	return append(all, everywhere)
}

func title(group string) string {
	if group == "" {
		return "options"
	}
	return group
}

// group is an option's category; the program's own options are common ones.
func (p *Program) group(f cli.Flag) string {
	if slices.Contains(p.Flags, f) {
		return everywhere
	}
	if c, ok := f.(cli.CategorizableFlag); ok {
		return c.GetCategory()
	}
	return ""
}

func (p *Program) optionRows(c *cli.Command, group string) [][2]string {
	var rows [][2]string
	for _, f := range c.Flags {
		v, visible := f.(cli.VisibleFlag)
		if p.group(f) == group && (!visible || v.IsVisible()) {
			rows = append(rows, optionRow(f, slices.Contains(p.required[c], f.Names()[0])))
		}
	}
	return rows
}

var placeholder = regexp.MustCompile("`([^`]*)`")

// optionRow is an option as it is given, and what it means. The usage names
// the placeholder in backquotes; where it begins with it, the row does not say
// it twice.
func optionRow(f cli.Flag, required bool) [2]string {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return [2]string{"--" + f.Names()[0], ""}
	}
	var names []string
	for _, n := range f.Names() {
		names = append(names, strings.Repeat("-", min(len(n), 2))+n)
	}
	name, usage := strings.Join(names, ", "), d.GetUsage()
	if m := placeholder.FindStringSubmatchIndex(usage); m != nil {
		word := usage[m[2]:m[3]]
		name += " " + word
		if m[0] == 0 {
			usage = strings.TrimSpace(usage[m[1]:])
		} else {
			usage = usage[:m[0]] + word + usage[m[1]:]
		}
	}
	return [2]string{name, usage + remarks(f, d, required)}
}

// remarks say what a row adds to an option's usage.
func remarks(f cli.Flag, d cli.DocGenerationFlag, required bool) string {
	var all []string
	if required {
		all = append(all, "required")
	}
	if isSlice(f) {
		all = append(all, "may be repeated")
	}
	if value := d.GetDefaultText(); d.TakesValue() && strings.Trim(value, ` "`) != "" && !isSlice(f) {
		all = append(all, "default: "+strings.Trim(value, `"`))
	}
	for _, env := range d.GetEnvVars() {
		all = append(all, "or $"+env)
	}
	if len(all) == 0 {
		return ""
	}
	return " (" + strings.Join(all, "; ") + ")"
}
