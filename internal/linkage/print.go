package linkage

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"byok/internal/printable"
	"byok/internal/term"
)

// columns is how wide a report is.
const columns = 80

// writer writes lines for people, and remembers the first failure.
type writer struct {
	to  io.Writer
	err error
}

// line writes a text, broken at its blanks, whose lines after the first begin
// with so many blanks more.
func (w *writer) line(begin string, more int, format string, args ...any) {
	text := printable.Escape(begin + fmt.Sprintf(format, args...))
	for _, l := range term.Wrap(text, columns, strings.Repeat(" ", more)) {
		if w.err == nil {
			_, w.err = fmt.Fprintln(w.to, l)
		}
	}
}

// Print writes the report for people, at most 80 columns wide where its words
// allow it.
func (r Report) Print(to io.Writer) error {
	w := &writer{to: to}
	w.line("File:      ", 11, "%s, %d bytes", r.File, r.Size)
	w.line("SHA-256:   ", 11, "%s", r.SHA256)
	if r.Program != nil {
		w.program(*r.Program)
	}
	if len(r.Checks) > 0 {
		w.line("", 0, "")
		w.line(pad("Looked for"), 0, "found")
	}
	for _, c := range r.Checks {
		w.check(c)
	}
	for _, b := range r.Beyond {
		w.line("", 0, "")
		w.line("Beyond this check: ", 2, "it %s (%s). %s", b.Name, strings.Join(some(b.Places), ", "), b.Reason)
	}
	w.line("", 0, "")
	for _, why := range r.Unjudged {
		w.line("Not judged: ", 12, "%s", why)
	}
	w.line("Conclusion: ", 12, "%s", r.Conclusion)
	return w.err
}

func (w *writer) program(p Program) {
	if p.Go == "" {
		w.line("Program:   ", 11, "%s, %s", p.Format, p.Platform)
	} else {
		w.line("Program:   ", 11, "%s, %s, %s, %s", p.Path, p.Format, p.Platform, p.Go)
		w.line("Built:     ", 11, "%s", strings.Join(p.Settings, " "))
	}
	w.line("Libraries: ", 11, "%s", list(p.Libraries))
	w.line("Imports:   ", 11, "%s", list(p.Imports))
	w.line("Modules:   ", 11, "%s", list(p.Modules))
	w.line("Read:      ", 11, "%d functions of Go, %d bytes of code", p.Functions, p.Code)
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// pad makes the first of two columns.
func pad(name string) string { return term.Pad(name, 27) }

// most is how many places of one rule are shown to a person.
const most = 8

func (w *writer) check(c Check) {
	switch {
	case c.Opaque:
		w.line(pad(c.Name), 0, "NOT JUDGED, %d", len(c.Found))
	case len(c.Found) > 0:
		w.line(pad(c.Name), 0, "YES, %d", len(c.Found))
	case len(c.Expected) > 0:
		w.line(pad(c.Name), 0, "as expected")
	default:
		w.line(pad(c.Name), 0, "none")
	}
	for _, place := range some(c.Found) {
		w.line("  ! ", 4, "%s", place)
	}
	for _, e := range c.Expected {
		w.line("    ", 6, "%s: %s", strings.Join(some(e.Places), ", "), e.Reason)
	}
}

// some shortens a list for a person.
func some(places []string) []string {
	if more := len(places) - most; more > 0 {
		return append(slices.Clone(places[:most]), fmt.Sprintf("and %d more", more))
	}
	return places
}
