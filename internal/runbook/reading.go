package runbook

import (
	"slices"
	"strings"

	"byok/internal/exitcode"
)

// reading is a line as it is read.
type reading struct {
	tool    *tool
	command string // of today
	said    []said // in today's words
	files   []string
	behind  []string // options of today, typed behind the line
	err     error    // the first
}

// said is an option of today.
type said struct {
	name  string // with its dashes; without a value as it is typed
	value string
	known *option // of the old line
}

func (r *reading) say(name, value string) { r.said = append(r.said, said{name: name, value: value}) }

// read reads the words behind the tool's name. Options of today begin at the first
// word with two dashes that the tool does not have.
func (r *reading) read(words []string) {
	for len(words) > 0 {
		o, value, given := r.tool.option(words[0])
		if o == nil && (strings.HasPrefix(words[0], "--") || words[0] == "-h") {
			r.behind = words
			break
		}
		words = r.take(o, words, value, given)
	}
	if r.tool.finish != nil {
		r.tool.finish(r)
	}
}

// take takes the first of the words, and the value behind it, and returns the rest.
func (r *reading) take(o *option, words []string, value string, given bool) []string {
	word, rest := words[0], words[1:]
	switch {
	case o == nil && (strings.HasPrefix(word, "-") || strings.HasSuffix(head(word), "=")):
		r.fail(exitcode.Errorf(exitcode.Usage, "%s: unknown option %s", r.tool.names[0], strings.TrimSuffix(head(word), "=")))
		return rest
	case o == nil && r.tool.word != nil:
		r.tool.word(r, word)
		return rest
	case o == nil:
		r.files = append(r.files, word)
		return rest
	case o.takes && !given && len(rest) == 0:
		r.fail(exitcode.Errorf(exitcode.Usage, "%s: %s needs a value", r.tool.names[0], word))
		return rest
	case o.takes && !given:
		value, rest = rest[0], rest[1:]
	}
	r.option(o, value)
	return rest
}

// option says an option of the line in today's words.
func (r *reading) option(o *option, value string) {
	blank := o.takes && value == "" // the default, as in pubexp=
	allowed := slices.ContainsFunc(o.allows, func(v string) bool { return strings.EqualFold(v, value) })
	switch {
	case o.why != "" && !allowed && !blank:
		r.refuse(shown(o, value), o.why)
		return
	case blank:
		return
	}
	if o.as != nil {
		value = o.as(value)
	}
	if o.command != "" {
		r.command = o.command
	}
	switch {
	case o.today != "":
		r.said = append(r.said, said{o.today, value, o})
	case o.takes && o.allows == nil:
		r.files = append(r.files, value)
	}
}

// shown is a refused option; a value only where others would do, since it may be a
// password.
func shown(o *option, value string) string {
	name := o.names[0]
	switch {
	case o.allows == nil:
		return strings.TrimSuffix(name, "=")
	case strings.HasSuffix(name, "="):
		return name + value
	}
	return name + " " + value
}

func (r *reading) refuse(what, why string) {
	r.fail(exitcode.Errorf(exitcode.Usage, "%s: %s: %s", r.tool.names[0], what, why))
}

func (r *reading) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// line puts the parts of today's line together.
func (r *reading) line() Line {
	l := Line{Tool: r.tool.names[0], Program: r.tool.program, Err: r.err}
	if r.command == "" {
		return l
	}
	l.Words = strings.Fields(r.command)
	for _, s := range r.said {
		if s.known != nil && r.replaced(s.known) {
			continue
		}
		l.Words = append(l.Words, s.name)
		if s.known == nil || s.known.takes {
			l.Words = append(l.Words, s.value)
		}
	}
	l.Words = slices.Concat(l.Words, r.files, r.behind)
	return l
}

// replaced reports whether what is typed behind the line says the same.
func (r *reading) replaced(o *option) bool {
	return slices.ContainsFunc(r.behind, func(word string) bool {
		name, _, _ := strings.Cut(word, "=")
		today, _, _ := strings.Cut(o.today, "=")
		return name == today || slices.Contains(o.instead, name)
	})
}

// option finds the option that a word gives; value, if given, is in the word too.
func (t *tool) option(word string) (o *option, value string, given bool) {
	name := head(word)
	for i := range t.options {
		for _, known := range t.options[i].names {
			if known == name || len(known) > 2 && strings.EqualFold(known, name) {
				return &t.options[i], word[min(len(word), len(name)+separator(name)):], len(word) > len(name) || strings.HasSuffix(name, "=")
			}
		}
	}
	return nil, "", false
}

// head is the part of a word that names an option: "--module" of "--module=1",
// "type=" of "type=RSA".
func head(word string) string {
	if !strings.HasPrefix(word, "-") {
		name, _, found := strings.Cut(word, "=")
		if found {
			return name + "="
		}
		return word
	}
	if i := strings.IndexAny(word, "=:"); i >= 0 {
		return word[:i]
	}
	return word
}

// separator is how many bytes are between a name and its value.
func separator(name string) int {
	if strings.HasSuffix(name, "=") {
		return 0
	}
	return 1
}
