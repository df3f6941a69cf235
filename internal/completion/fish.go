package completion

import (
	"fmt"
	"strings"

	"byok/internal/manual"
)

// fish writes a line for each command and option, on the condition that the
// cursor is at its command.
func fish(pages []manual.Page) string {
	name, at := program(pages), "_"+function(pages)+"_at"
	var b strings.Builder
	fmt.Fprintf(&b, `# fish completion for %[1]s. To use it:
#   %[1]s completion fish > ~/.config/fish/completions/%[1]s.fish
function %[2]s
    set -l at
    for word in (commandline -opc)[2..-1]
        switch (string trim -- "$at $word")
            case %[3]s
                set -a at $word
        end
    end
    test "$at" = "$argv"
end
`, name, at, fishPlaces(pages))
	for _, p := range pages {
		condition := fmt.Sprintf("complete -c %s -n %s", name, fishQuoted(strings.TrimSpace(at+" "+place(p))))
		for _, c := range p.Commands {
			fmt.Fprintf(&b, "%s -f -a %s -d %s\n", condition, c.Name, fishQuoted(c.Summary))
		}
		for _, o := range p.Options() {
			fmt.Fprintf(&b, "%s%s -d %s\n", condition, fishOption(o), fishQuoted(o.Explained()))
		}
	}
	return b.String()
}

func fishPlaces(pages []manual.Page) string {
	var patterns []string
	for _, p := range pages[1:] {
		patterns = append(patterns, fishQuoted(place(p)))
	}
	return strings.Join(patterns, " ")
}

func fishOption(o manual.Option) string {
	var b strings.Builder
	for _, n := range o.Names {
		if len(n) == 1 {
			b.WriteString(" -s " + n)
		} else {
			b.WriteString(" -l " + n)
		}
	}
	switch valueOf(o) {
	case words:
		b.WriteString(" -x -a " + fishQuoted(strings.Join(o.Values, " ")))
	case file:
		b.WriteString(" -r -F")
	case folder:
		b.WriteString(" -x -a '(__fish_complete_directories)'")
	case anything:
		if o.Word != "" {
			b.WriteString(" -x")
		}
	}
	return b.String()
}

// fishQuoted is a word in single quotes, as fish reads it.
func fishQuoted(word string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(word) + "'"
}
