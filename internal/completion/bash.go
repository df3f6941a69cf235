package completion

import (
	"fmt"
	"strings"

	"byok/internal/manual"
)

// bash writes a function that finds out at which command the cursor is, then
// offers what that command takes.
func bash(pages []manual.Page) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# bash completion for %[1]s. To use it:
#   %[1]s completion bash > ~/.local/share/bash-completion/completions/%[1]s
%[2]s() {
    local cur prev word at="" commands="" options=""
    cur=${COMP_WORDS[COMP_CWORD]}
    prev=${COMP_WORDS[COMP_CWORD - 1]}
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "$at $word" in
%[3]s            at="$at $word"
            ;;
        esac
    done
    COMPREPLY=()
    case "$at:$prev" in
%[4]s    esac
    case "$at" in
%[5]s    esac
    case "$cur" in
    -*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur") ;;
    *)
        if [ -n "$commands" ]; then
            mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
        else
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        fi
        ;;
    esac
}
complete -F %[2]s %[1]s
`, program(pages), function(pages), spaceds(pages), bashValues(pages), bashCommands(pages))
	return b.String()
}

// spaceds are the patterns of all commands, as one row of a case.
// bashValues are the rows for options whose value is completed.
func bashValues(pages []manual.Page) string {
	const files, folders = "compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")",
		"compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")"
	var b strings.Builder
	for _, p := range pages {
		for _, o := range p.Options() {
			what := "true"
			switch valueOf(o) {
			case words:
				what = fmt.Sprintf(`mapfile -t COMPREPLY < <(compgen -W "%s" -- "$cur")`, strings.Join(o.Values, " "))
			case file:
				what = files
			case folder:
				what = folders
			case anything:
				if o.Word == "" {
					continue
				}
			}
			for _, name := range dashed(o) {
				fmt.Fprintf(&b, "    %q)\n        %s\n        return\n        ;;\n", spaced(p)+":"+name, what)
			}
		}
	}
	return b.String()
}

// bashCommands are the rows for what may come next.
func bashCommands(pages []manual.Page) string {
	var b strings.Builder
	for _, p := range pages {
		fmt.Fprintf(&b, "    %q)\n", spaced(p))
		if names := commands(p); len(names) > 0 {
			fmt.Fprintf(&b, "        commands=%q\n", strings.Join(names, " "))
		}
		fmt.Fprintf(&b, "        options=%q\n        ;;\n", strings.Join(allNames(p), " "))
	}
	return b.String()
}
