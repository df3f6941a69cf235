package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"
)

// row is a line of the table: what was measured, how it came out and the target.
type row struct{ what, got, target string }

// most is a row of a figure that may be at most so much.
func most(what string, got, target float64, unit string) row {
	return row{what, fmt.Sprintf("%.2f%s", got, unit), held(got <= target, fmt.Sprintf("at most %v%s", target, unit))}
}

// least is a row of a figure that must be at least so much.
func least(what string, got, target float64) row {
	return row{what, fmt.Sprintf("%.3f", got), held(got >= target, fmt.Sprintf("at least %v", target))}
}

func held(good bool, target string) string {
	if good {
		return target + ": met"
	}
	return target + ": **missed**"
}

// fact is a row without a target.
func fact(what, got string) row { return row{what, got, ""} }

const (
	begins = "<!-- upload: written by make bench-upload -->\n"
	ends   = "<!-- upload: end -->\n"
)

// table is the rows as a section of a page.
func table(rows []row) string {
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

// write replaces the section of a page between its marks.
func write(path, section string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := bytes.Cut(page, []byte(begins))
	_, after, closed := bytes.Cut(rest, []byte(ends))
	if !found || !closed {
		return fmt.Errorf("%s has no section between %q and %q", path, begins, ends)
	}
	all := string(before) + begins + section + ends + string(after)
	return os.WriteFile(path, []byte(all), 0o644)
}
