// Package completion writes the scripts that have a shell complete the commands
// of a program, their options, and the values of an option that takes one of a
// few words or a file.
//
// [Script] writes one from the pages of package manual. A script is static: a
// shell that completes runs no program of the project.
package completion

import (
	"slices"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/manual"
)

// Shells returns the names of the shells that there is a script for.
func Shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

// Script returns the script for a shell. The error has the status Usage.
func Script(shell string, pages []manual.Page) (string, error) {
	switch shell {
	case "bash":
		return bash(pages), nil
	case "zsh":
		return zsh(pages), nil
	case "fish":
		return fish(pages), nil
	case "powershell":
		return powershell(pages), nil
	}
	return "", exitcode.Errorf(exitcode.Usage, "completion: there is none for %q: expected bash, zsh, fish or powershell",
		shell)
}

// program is the name of the program that the pages are of.
func program(pages []manual.Page) string { return pages[0].Path[0] }

// function is the name of the function that completes it.
func function(pages []manual.Page) string { return "_" + strings.ReplaceAll(program(pages), "-", "_") }

// place is where a command stands: "", "key", "key generate".
func place(p manual.Page) string { return strings.Join(p.Path[1:], " ") }

// spaced is where a command stands, each word behind a blank: " key generate".
func spaceds(pages []manual.Page) string {
	var patterns []string
	for _, p := range pages[1:] {
		patterns = append(patterns, `"`+spaced(p)+`"`)
	}
	return "        " + strings.Join(patterns, " | ") + ")\n"
}

func spaced(p manual.Page) string {
	if len(p.Path) == 1 {
		return ""
	}
	return " " + place(p)
}

// value is what a shell completes for an option's value.
type value int

const (
	anything value = iota
	words          // one of Option.Values
	file
	folder
)

// files and folders are the placeholders that stand for one. They are words of
// the help, which a test holds to this list.
var (
	files   = []string{"FILE", "LIBRARY", "PEM"}
	folders = []string{"DIR"}
)

func valueOf(o manual.Option) value {
	switch {
	case len(o.Values) > 0:
		return words
	case slices.Contains(files, o.Word):
		return file
	case slices.Contains(folders, o.Word):
		return folder
	}
	return anything
}

// dashed are an option's names as they are typed.
func dashed(o manual.Option) (names []string) {
	for _, n := range o.Names {
		names = append(names, strings.Repeat("-", min(len(n), 2))+n)
	}
	return names
}

// allNames are the names of all options of a page.
func allNames(p manual.Page) (names []string) {
	for _, o := range p.Options() {
		names = append(names, dashed(o)...)
	}
	return names
}

func commands(p manual.Page) (names []string) {
	for _, c := range p.Commands {
		names = append(names, c.Name)
	}
	return names
}
