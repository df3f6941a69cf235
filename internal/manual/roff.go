package manual

import (
	"strings"
)

// Roff returns the page as a manual page of section 1, in the macros that both
// groff and mandoc have (man(7)). version and date, as "2026-11-26", are those
// of the program.
func (p Page) Roff(version, date string) string {
	var r roff
	// The date is not escaped: mandoc reads it.
	r.WriteString(`.TH "` + escaped(strings.ToUpper(p.Name())) + `" "1" "` + date + `" "` +
		escaped(p.Path[0]+" "+version) + "\" \"User Commands\"\n")
	r.macro("SH", "NAME")
	r.line(p.Name() + ` \- ` + escaped(p.Summary))
	r.macro("SH", "SYNOPSIS")
	r.line(`\fB` + escaped(p.Title()) + `\fR` + escaped(strings.TrimPrefix(p.Usage, p.Title())))
	if p.Text != "" {
		r.macro("SH", "DESCRIPTION")
		r.text(p.Text)
	}
	if len(p.Commands) > 0 {
		r.macro("SH", "COMMANDS")
	}
	for _, c := range p.Commands {
		r.entry(`\fB`+escaped(c.Name)+`\fR`, c.Summary)
	}
	r.options(p.Groups)
	if p.Example != "" {
		r.macro("SH", "EXAMPLES")
		r.example([]string{p.Example}, false)
	}
	if above := p.above(); above != "" {
		r.macro("SH", "SEE ALSO")
		r.macro("BR", above, "(1)")
	}
	return r.String()
}

// above is the manual page of the group that a page belongs to.
func (p Page) above() string { return strings.Join(p.Path[:len(p.Path)-1], "-") }

// roff is the source of a manual page that grows.
type roff struct{ strings.Builder }

func (r *roff) macro(name string, arguments ...string) {
	r.WriteString("." + name)
	for _, a := range arguments {
		r.WriteString(` "` + escaped(a) + `"`)
	}
	r.WriteString("\n")
}

// line adds text whose markup is in place. A line that began with a dot or an
// apostrophe would be taken for a request.
func (r *roff) line(text string) {
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	r.WriteString(text + "\n")
}

// text adds prose, and examples where it is indented.
func (r *roff) text(text string) {
	for i, block := range strings.Split(text, "\n\n") {
		if strings.HasPrefix(block, " ") {
			r.example(commandLines(block), true)
			continue
		}
		if i > 0 {
			r.WriteString(".PP\n")
		}
		for line := range strings.Lines(block) {
			r.line(escaped(strings.TrimSpace(line)))
		}
	}
}

// exampleWidth is what man's indent and that of an example leave of 80 columns.
const exampleWidth = 80 - 7 - 4

// example adds command lines, broken where a terminal of 80 columns ends, as a
// paragraph of its own or as the first one of a section.
func (r *roff) example(lines []string, paragraph bool) {
	if paragraph {
		r.WriteString(".PP\n")
	}
	r.WriteString(".nf\n.RS 4\n")
	for _, line := range lines {
		for _, part := range pasteable(line, exampleWidth, "    ") {
			r.line(escaped(part))
		}
	}
	r.WriteString(".RE\n.fi\n")
}

func (r *roff) options(groups []Group) {
	r.macro("SH", "OPTIONS")
	for _, g := range groups {
		r.macro("SS", strings.ToUpper(g.Title[:1])+g.Title[1:])
		for _, o := range g.Options {
			r.entry(o.bold(), o.Explained())
		}
	}
}

// bold is an option as it is given, its names in bold and its value in italics.
func (o Option) bold() string {
	var names []string
	for _, n := range o.Names {
		names = append(names, `\fB`+escaped(dashed(n))+`\fR`)
	}
	text := strings.Join(names, ", ")
	if o.Word != "" {
		text += ` \fI` + escaped(o.Word) + `\fR`
	}
	return text
}

func (r *roff) entry(name, text string) {
	r.WriteString(".TP\n")
	r.line(name)
	r.line(escaped(text))
}

// escaped keeps groff from reading anything into text, and has it print hyphens
// and quotes as a person can paste them (groff_char(7)).
func escaped(text string) string {
	return strings.NewReplacer(
		`\`, `\e`,
		`-`, `\-`,
		`'`, `\(aq`,
		`"`, `\(dq`,
		`^`, `\(ha`,
		`~`, `\(ti`,
		"`", `\(ga`,
		"…", "...",
	).Replace(text)
}
