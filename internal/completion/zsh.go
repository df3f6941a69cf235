package completion

import (
	"fmt"
	"strings"

	"byok/internal/manual"
)

// zsh writes a function as bash's, which shows what each word means.
func zsh(pages []manual.Page) string {
	var b strings.Builder
	fmt.Fprintf(&b, `#compdef %[1]s
# zsh completion for %[1]s. To use it, put it as _%[1]s into a folder of $fpath:
#   %[1]s completion zsh > ~/.zfunc/_%[1]s
%[2]s() {
    local at="" word
    local -a commands options
    for word in "${words[@]:1:$((CURRENT - 2))}"; do
        case "$at $word" in
%[3]s            at="$at $word"
            ;;
        esac
    done
    case "$at:${words[CURRENT - 1]}" in
%[4]s    esac
    case "$at" in
%[5]s    esac
    if [[ "${words[CURRENT]}" == -* ]]; then
        _describe -o option options
    elif (( ${#commands} )); then
        _describe command commands
    else
        _files
    fi
}
if [ "$funcstack[1]" = "_%[1]s" ]; then
    %[2]s "$@"
else
    compdef %[2]s %[1]s
fi
`, program(pages), function(pages), spaceds(pages), zshValues(pages), zshCommands(pages))
	return b.String()
}

func zshValues(pages []manual.Page) string {
	var b strings.Builder
	for _, p := range pages {
		for _, o := range p.Options() {
			what := "_message " + quoted(o.Word)
			switch valueOf(o) {
			case words:
				what = "compadd -- " + strings.Join(o.Values, " ")
			case file:
				what = "_files"
			case folder:
				what = "_files -/"
			case anything:
				if o.Word == "" {
					continue
				}
			}
			for _, name := range dashed(o) {
				fmt.Fprintf(&b, "    %s)\n        %s\n        return\n        ;;\n", quoted(spaced(p)+":"+name), what)
			}
		}
	}
	return b.String()
}

func zshCommands(pages []manual.Page) string {
	var b strings.Builder
	for _, p := range pages {
		fmt.Fprintf(&b, "    %s)\n", quoted(spaced(p)))
		if len(p.Commands) > 0 {
			b.WriteString("        commands=(\n")
			for _, c := range p.Commands {
				fmt.Fprintf(&b, "            %s\n", quoted(c.Name+":"+c.Summary))
			}
			b.WriteString("        )\n")
		}
		b.WriteString("        options=(\n")
		for _, o := range p.Options() {
			for _, name := range dashed(o) {
				fmt.Fprintf(&b, "            %s\n", quoted(name+":"+o.Explained()))
			}
		}
		b.WriteString("        )\n        ;;\n")
	}
	return b.String()
}

// quoted is a word in single quotes, as sh and zsh read it.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
