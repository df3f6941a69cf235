// Package markup writes HTML pages in which a text of foreign origin can neither be
// taken for markup nor turn the direction of what is around it: it is visible, on
// the lines that it has, and isolated (HTML Living Standard, 4.5.24, the bdi
// element).
//
// Markup is of the type [HTML], which a string of this program's source is by
// itself and a string that came from elsewhere is not: the compiler refuses that
// until it went through [Text], [Lines] or [Plain]. Use [Text] for everything that
// people typed or that came from a file, [Lines] for text of several lines, and
// [Plain] for numbers and for what this program says. Do not convert to HTML.
//
// There are no templates: what links package text/template keeps every method of
// every type, and byok-offline should hold little.
package markup

import (
	"fmt"
	"strings"

	"byok/internal/printable"
)

// HTML is markup.
type HTML string

// Text returns a text on one line, isolated; see [printable.Escape]. What is not a
// string is shown as fmt.Sprint has it.
func Text(text any) HTML { return isolated(printable.Escape(fmt.Sprint(text))) }

// Lines is [Text] for text of several lines: the line ends stay.
func Lines(text any) HTML { return isolated(printable.Lines(fmt.Sprint(text))) }

// Plain returns a text on one line that is not isolated: a number, or words of this
// program. An element that holds no markup, such as title, takes nothing else.
func Plain(text any) HTML { return escaped(printable.Escape(fmt.Sprint(text))) }

func isolated(text string) HTML { return "<bdi>" + escaped(text) + "</bdi>" }

func escaped(text string) HTML {
	return HTML(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(text))
}

// Tag returns markup with numbers in it; see [fmt.Sprintf].
func Tag(format HTML, numbers ...int) HTML {
	values := make([]any, len(numbers))
	for i, n := range numbers {
		values[i] = n
	}
	return HTML(fmt.Sprintf(string(format), values...))
}

// Of returns the parts one after another.
func Of(parts ...HTML) HTML { return join(parts, "") }

// If returns the parts one after another if a condition holds, and nothing otherwise.
func If(holds bool, parts ...HTML) HTML {
	if !holds {
		return ""
	}
	return Of(parts...)
}

// Either returns one of two.
func Either(holds bool, then, otherwise HTML) HTML {
	if holds {
		return then
	}
	return otherwise
}

// Some returns a text between two pieces of markup, and nothing where there is no
// text: ", Contoso Ltd" for an affiliation.
func Some[T ~string](before HTML, text T, after HTML) HTML {
	return If(text != "", before, Text(text), after)
}

// Each returns what one makes of each element, one after another.
func Each[T any](list []T, one func(T) HTML) HTML { return join(all(list, one), "") }

// Between returns what one makes of each element, with markup between two of them.
func Between[T any](separator HTML, list []T, one func(T) HTML) HTML {
	return join(all(list, one), separator)
}

// List returns texts with commas between them.
func List(texts []string) HTML { return Between(", ", texts, textOf) }

func textOf(text string) HTML { return Text(text) }

func all[T any](list []T, one func(T) HTML) []HTML {
	parts := make([]HTML, len(list))
	for i, element := range list {
		parts[i] = one(element)
	}
	return parts
}

func join(parts []HTML, separator HTML) HTML {
	var b strings.Builder
	for i, part := range parts {
		if i > 0 {
			b.WriteString(string(separator))
		}
		b.WriteString(string(part))
	}
	return HTML(b.String())
}
