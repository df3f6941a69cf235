package manual

import (
	"fmt"
	"strings"

	"byok/internal/term"
)

// Help returns the page as text for a terminal: no line is longer than width
// columns, unless a single word is.
func (p Page) Help(width int) string {
	h := help{width: width}
	h.paragraph(p.Title()+" - "+p.Summary, "    ")
	h.paragraph("", "")
	for _, line := range term.Wrap(together("usage: "+p.Usage, width-4), width, "    ") {
		h.WriteString(strings.ReplaceAll(line, glue, " ") + "\n")
	}
	if p.Text != "" {
		h.paragraph("", "")
		h.text(p.Text)
	}
	if p.Example != "" {
		h.paragraph("", "")
		h.paragraph("example:", "")
		h.command(p.Example)
	}
	h.list("commands", commandRows(p.Commands))
	for _, g := range p.Groups {
		h.list(g.Title, optionRows(g.Options))
	}
	return h.String()
}

// help is a text that grows.
type help struct {
	strings.Builder
	width int
}

// paragraph adds text in lines, each but the first after indent.
func (h *help) paragraph(text, indent string) {
	for _, line := range wrapped(text, h.width, indent) {
		h.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// wrapped is [term.Wrap], which also breaks a word that is too long for a line:
// behind the last mark that still fits.
func wrapped(text string, width int, indent string) (lines []string) {
	for _, line := range term.Wrap(text, width, indent) {
		for term.Columns(line) > width {
			at := strings.LastIndexAny(line[:min(width, len(line))], "-./,=]") + 1
			if at <= len(indent) {
				break
			}
			lines = append(lines, line[:at])
			line = indent + line[at:]
		}
		lines = append(lines, line)
	}
	return lines
}

// text adds prose, whose paragraphs stand between empty lines and are filled
// anew, and examples, which are indented.
func (h *help) text(text string) {
	for i, block := range strings.Split(text, "\n\n") {
		if i > 0 {
			h.paragraph("", "")
		}
		if strings.HasPrefix(block, " ") {
			for _, line := range commandLines(block) {
				h.command(line)
			}
			continue
		}
		h.paragraph(strings.ReplaceAll(block, "\n", " "), "")
	}
}

// commandLines returns the command lines of an indented block, each in one.
func commandLines(block string) (lines []string) {
	block = strings.ReplaceAll(block, "\\\n", "")
	for line := range strings.Lines(block) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines
}

// command adds a command line, ready to paste.
func (h *help) command(line string) {
	indent := strings.Repeat(" ", min(4, h.width/20))
	for _, part := range pasteable(line, h.width-len(indent), indent) {
		h.WriteString(indent + part + "\n")
	}
}

// pasteable breaks a command line that is too long, never between an option and
// its value or within quotes; where it is broken, a backslash goes on.
func pasteable(line string, width int, indent string) []string {
	room := max(width-len(` \`), 1)
	lines := term.Wrap(together(line, room-len(indent)), room, indent)
	for i, part := range lines {
		lines[i] = strings.ReplaceAll(part, glue, " ")
		if i < len(lines)-1 {
			lines[i] += ` \`
		}
	}
	return lines
}

// glue stands for a blank where no line ends.
const glue = "\x00"

// together keeps options and their values on one line, if they fit into width,
// and what is quoted.
func together(line string, width int) string {
	words := shellWords(line)
	text := words[0]
	for i, word := range words[1:] {
		before := words[i]
		isValue := strings.HasPrefix(before, "-") && !strings.HasPrefix(word, "-")
		if isValue && term.Columns(before+glue+word) <= width {
			text += glue + word
			continue
		}
		text += " " + word
	}
	return text
}

// shellWords splits a command line at its blanks; within quotes they are glue.
func shellWords(line string) []string {
	var quote rune
	line = strings.Map(func(r rune) rune {
		switch {
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case r == quote:
			quote = 0
		case r == ' ' && quote != 0:
			return rune(glue[0])
		}
		return r
	}, line)
	return strings.Fields(line)
}

// list adds rows in two columns; what does not fit beside a name goes below it.
func (h *help) list(title string, rows [][2]string) {
	if len(rows) == 0 {
		return
	}
	h.paragraph("", "")
	h.paragraph(title+":", "")
	left := h.leftColumn(rows)
	for _, row := range rows {
		lines := wrapped(row[1], h.width-left-4, "")
		if term.Columns(row[0]) > left {
			h.paragraph("  "+row[0], "  ")
			row[0] = ""
		}
		for _, line := range lines {
			text := "  " + term.Pad(row[0], left) + "  " + line
			h.WriteString(strings.TrimRight(text, " ") + "\n")
			row[0] = ""
		}
	}
}

// leftColumn is as wide as the widest name that leaves room beside it.
func (h *help) leftColumn(rows [][2]string) int {
	widest, width := h.width/3, 0
	for _, row := range rows {
		if n := term.Columns(row[0]); n <= widest {
			width = max(width, n)
		}
	}
	if width == 0 {
		width = min(8, h.width/4)
	}
	return width
}

func commandRows(commands []Entry) (rows [][2]string) {
	for _, c := range commands {
		rows = append(rows, [2]string{c.Name, c.Summary})
	}
	return rows
}

func optionRows(options []Option) (rows [][2]string) {
	for _, o := range options {
		rows = append(rows, [2]string{o.names(), o.Explained()})
	}
	return rows
}

// names is an option as it is given: "--kek, -k FILE".
func (o Option) names() string {
	var names []string
	for _, n := range o.Names {
		names = append(names, dashed(n))
	}
	return strings.TrimSpace(strings.Join(names, ", ") + " " + o.Word)
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// Explained returns what an option means, with its default and other remarks.
func (o Option) Explained() string {
	var remarks []string
	if o.Repeated && !strings.Contains(o.Meaning, "once per ") {
		remarks = append(remarks, "may be repeated")
	}
	if o.Default != "" {
		remarks = append(remarks, "default: "+o.Default)
	}
	if o.Variable != "" {
		remarks = append(remarks, "or $"+o.Variable)
	}
	if len(remarks) == 0 {
		return o.Meaning
	}
	return fmt.Sprintf("%s (%s)", o.Meaning, strings.Join(remarks, "; "))
}
