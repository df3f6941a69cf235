package runbook

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of options into the page")

const page = "../../docs/from-ncipher.md"

// TestPageLines: each line of the page's first table is today's as the page says.
func TestPageLines(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| `([^`]*)` \\| `(byok-[^`]*)` \\|$").FindAllStringSubmatch(read(t, page), -1)
	shapes := map[string]bool{}
	for _, row := range rows {
		if got := text(split(row[1])...); got != row[2] {
			t.Errorf("%s\n is %s\nnot %s", row[1], got, row[2])
		}
		l, _ := Translate(split(row[1]))
		shapes[shape(l)] = true
	}
	procedure := strings.Split(strings.TrimSpace(read(t, "testdata/procedure.txt")), "\n")
	if len(procedure) != 62 {
		t.Errorf("%d lines in the procedure", len(procedure))
	}
	for _, line := range procedure {
		if l, old := Translate(split(line)); !old || !shapes[shape(l)] {
			t.Errorf("no row of the page is like %s", line)
		}
	}
}

// shape is a line without its values: the tool and today's command.
func shape(l Line) string { return l.Tool + " " + strings.Join(l.Words[:min(2, len(l.Words))], " ") }

// split takes a line apart as a shell does, as far as the procedure needs it.
func split(line string) (words []string) {
	for _, word := range regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`).FindAllString(line, -1) {
		words = append(words, strings.Trim(word, `"'`))
	}
	return words
}

// TestPageOptions: the page has every option of every tool.
func TestPageOptions(t *testing.T) {
	const from, to = "with -update -->\n", "<!-- end of options -->"
	text := read(t, page)
	before, rest, found := strings.Cut(text, from)
	_, after, ended := strings.Cut(rest, to)
	if !found || !ended {
		t.Fatalf("%s has no place for the table of options", page)
	}
	want := before + from + optionTable() + to + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if text != want {
		t.Errorf("the table of options in %s is not today's: give this test -update", page)
	}
}

// optionTable has a row for each option of each tool.
func optionTable() string {
	var b strings.Builder
	b.WriteString("| tool | option | today |\n| --- | --- | --- |\n")
	row := func(tool, option, today string) { fmt.Fprintf(&b, "| %s | %s | %s |\n", tool, option, today) }
	for _, t := range tools() {
		tool := code(t.names[0])
		if len(t.names) > 1 {
			row(tool, "", "also "+code(t.names[1:]...))
		}
		if t.why != "" {
			row(tool, "", t.why)
		}
		for _, o := range t.options {
			names := make([]string, len(o.names))
			for i, name := range o.names {
				names[i] = name + strings.Repeat("…", len(name)-len(strings.TrimSuffix(name, "=")))
			}
			row(tool, code(names...), meaning(o))
		}
	}
	return b.String()
}

func meaning(o option) string {
	says := cmp.Or(o.today, o.command)
	if says != "" {
		says = code(says)
	}
	if o.takes && o.today == "" && o.allows == nil && o.why == "" {
		says = "the file"
	}
	switch {
	case o.why == "":
		return cmp.Or(says, "left out")
	case o.allows == nil:
		return "refused: " + o.why
	}
	return cmp.Or(says, "left out") + "; only " + code(o.allows...) + ": " + o.why
}

func code(words ...string) string { return "`" + strings.Join(words, "` `") + "`" }

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
