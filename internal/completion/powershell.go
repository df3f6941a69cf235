package completion

import (
	"fmt"
	"strings"

	"byok/internal/manual"
)

// powershell writes a block that finds out at which command the cursor is, and
// a table of what each command takes.
func powershell(pages []manual.Page) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# PowerShell completion for %[1]s. To use it, add to $PROFILE:
#   %[1]s completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName '%[1]s' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $takes = @{
%[2]s    }
    $values = @{
%[3]s    }
    $at = ''
    $previous = ''
    foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
        if ($element.Extent.EndOffset -ge $cursorPosition) { break }
        $previous = $element.ToString()
        $deeper = ($at + ' ' + $previous).Trim()
        if ($takes.ContainsKey($deeper)) { $at = $deeper }
    }
    $found = $takes[$at]
    $option = "$at $previous".Trim()
    if ($values.ContainsKey($option)) { $found = $values[$option] }
    $found | Where-Object { $_[0] -like "$wordToComplete*" } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_[0], $_[0], 'ParameterValue', $_[1])
    }
}
`, program(pages), powershellTakes(pages), powershellValues(pages))
	return b.String()
}

// powershellTakes are the commands and options of each command. A comma keeps a
// list of one pair a list.
func powershellTakes(pages []manual.Page) string {
	var b strings.Builder
	for _, p := range pages {
		fmt.Fprintf(&b, "        %s = @(\n", powershellQuoted(place(p)))
		for _, c := range p.Commands {
			fmt.Fprintf(&b, "            , @(%s, %s)\n", powershellQuoted(c.Name), powershellQuoted(c.Summary))
		}
		for _, o := range p.Options() {
			for _, name := range dashed(o) {
				fmt.Fprintf(&b, "            , @(%s, %s)\n", powershellQuoted(name), powershellQuoted(o.Explained()))
			}
		}
		b.WriteString("        )\n")
	}
	return b.String()
}

func powershellValues(pages []manual.Page) string {
	var b strings.Builder
	for _, p := range pages {
		for _, o := range p.Options() {
			if len(o.Values) == 0 {
				continue
			}
			for _, name := range dashed(o) {
				fmt.Fprintf(&b, "        %s = @(\n", powershellQuoted(strings.TrimSpace(place(p)+" "+name)))
				for _, v := range o.Values {
					fmt.Fprintf(&b, "            , @(%s, %s)\n", powershellQuoted(v), powershellQuoted(v))
				}
				b.WriteString("        )\n")
			}
		}
	}
	return b.String()
}

// powershellQuoted is a word in single quotes, as PowerShell reads it.
func powershellQuoted(word string) string { return "'" + strings.ReplaceAll(word, "'", "''") + "'" }
