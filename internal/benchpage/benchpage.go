// Package benchpage writes what a bench measured into its section of
// docs/performance.md, as a table beside the targets.
package benchpage

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Row is a line of the table: what was measured, how it came out and the target.
type Row struct{ what, got, target string }

// Most is a row of a figure that may be at most so much.
func Most(what string, got, target float64, unit string) Row {
	return Row{what, fmt.Sprintf("%.2f%s", got, unit), held(got <= target, fmt.Sprintf("at most %v%s", target, unit))}
}

// Least is a row of a figure that must be at least so much.
func Least(what string, got, target float64) Row {
	return Row{what, fmt.Sprintf("%.3f", got), held(got >= target, fmt.Sprintf("at least %v", target))}
}

func held(good bool, target string) string {
	if good {
		return target + ": met"
	}
	return target + ": **missed**"
}

// Fact is a row without a target.
func Fact(what, got string) Row { return Row{what, got, ""} }

// Table is the rows as a section of a page, with the date and the computer.
func Table(rows []Row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, load %s when this was written.\n\n| | measured | target |\n| --- | --- | --- |\n",
		time.Now().UTC().Format(time.DateOnly), machine(), load())
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.what, r.got, r.target)
	}
	return b.String()
}

// load is how many processes waited for a processor in the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// machine is the processor and how many of it there are.
func machine() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "processor unknown"
	}
	model, n := "processor unknown", 0
	for line := range strings.Lines(string(info)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			n++
		}
	}
	return fmt.Sprintf("%d × %s", n, model)
}

// Write replaces a section of a page, between the marks that name it.
func Write(path, name, section string) error {
	begins := fmt.Appendf(nil, "<!-- %s: written by make bench-%s -->\n", name, name)
	ends := fmt.Appendf(nil, "<!-- %s: end -->\n", name)
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := bytes.Cut(page, begins)
	_, after, closed := bytes.Cut(rest, ends)
	if !found || !closed {
		return fmt.Errorf("%s has no section between %q and %q", path, begins, ends)
	}
	return os.WriteFile(path, slices.Concat(before, begins, []byte(section), ends, after), 0o644)
}
