// Package markup is the one way in which text of foreign origin gets onto an HTML
// page: visible, on the lines that it has, and isolated, so that it can neither be
// taken for markup nor turn the direction of what is around it (HTML Living
// Standard, 4.5.24, the bdi element).
//
// Use [Text] for everything that people typed or that came from a file, and
// [Lines] for text of several lines. A template's own words need neither.
package markup

import (
	"fmt"
	"html/template"

	"byok/internal/printable"
)

// Policy is the content security policy (W3C, CSP level 3) of every page: it loads
// nothing and runs nothing.
const Policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

// Text returns a text on one line; see [printable.Escape]. What is not a string is
// shown as fmt.Sprint has it.
func Text(text any) template.HTML { return isolated(printable.Escape(fmt.Sprint(text))) }

// Lines is [Text] for text of several lines: the line ends stay.
func Lines(text any) template.HTML { return isolated(printable.Lines(fmt.Sprint(text))) }

func isolated(text string) template.HTML {
	return template.HTML("<bdi>" + template.HTMLEscapeString(text) + "</bdi>") //nolint:gosec // escaped here
}

// Functions are those of this package by the names that templates use.
func Functions() template.FuncMap {
	return template.FuncMap{
		"text":   Text,
		"lines":  Lines,
		"escape": printable.Escape, // for the title, which holds no markup
		"policy": func() string { return Policy },
	}
}
