package runbook

import (
	"slices"
	"strings"

	"byok/internal/exitcode"
)

// reading is a line as it is read.
type reading struct {
	tool    *tool
	command string  // of today
	chosen  *option // that asked for it
	said    []said  // in today's words
	files   []string
	behind  []string // options of today, typed behind the line
	err     error    // the first
	unread  bool     // the rest of the line
}

// said is an option of today.
type said struct {
	name  string // with its dashes; without a value as it is typed
	value string
	known *option // of the old line
}

// read reads the words after the tool's name. Options of today begin at the first
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

// take takes the first of the words, and the value after it, and returns the rest.
func (r *reading) take(o *option, words []string, value string, given bool) []string {
	word, rest := words[0], words[1:]
	switch {
	case o == nil && (strings.HasPrefix(word, "-") || strings.HasSuffix(head(word), "=")):
		r.misread("unknown option %s", strings.TrimSuffix(head(word), "="))
		return nil
	case o == nil && r.tool.word != nil:
		r.tool.word(r, word)
		return rest
	case o == nil:
		r.files = append(r.files, word)
		return rest
	case o.takes && !given && len(rest) == 0:
		r.misread("%s needs a value", word)
		return nil
	case !o.takes && given: // -Exportable:$false
		r.misread("%s takes no value", head(word))
		return nil
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
		r.choose(o)
	}
	switch {
	case o.today != "":
		r.said = append(r.said, said{o.today, value, o})
	case o.takes && o.allows == nil:
		r.files = append(r.files, value)
	}
}

// choose takes the command that an option asks for, and only one.
func (r *reading) choose(o *option) {
	if r.chosen != nil && r.chosen.command != o.command {
		r.refuse(o.names[0], r.chosen.names[0]+" is another step: give each a line of its own")
		return
	}
	r.chosen, r.command = o, o.command
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

// misread ends the reading: what else the line holds is not known, and may be a
// password. It is not repeated.
func (r *reading) misread(format string, args ...any) {
	next := strings.TrimSpace(r.tool.program+" "+r.command) + " --help"
	r.fail(exitcode.Errorf(exitcode.Usage, r.tool.names[0]+": "+format, args...).Hint("%s", next))
	r.unread = true
}

func (r *reading) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// line puts the parts of today's line together.
func (r *reading) line() Line {
	l := Line{Tool: r.tool.names[0], Program: r.tool.program, Err: r.err}
	if r.command == "" || r.unread {
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

// replaced reports whether what is typed after the line says the same.
func (r *reading) replaced(o *option) bool {
	return slices.ContainsFunc(r.behind, func(word string) bool {
		name, _, _ := strings.Cut(word, "=")
		today, _, _ := strings.Cut(o.today, "=")
		return name == today || slices.Contains(o.instead, name)
	})
}

// option finds the option that a word gives; value, if given, is in the word too.
func (t *tool) option(word string) (o *option, value string, given bool) {
	for i := range t.options {
		for _, name := range t.options[i].names {
			if value, given, found := give(name, word, t.options[i].takes); found {
				return &t.options[i], value, given
			}
		}
	}
	return nil, "", false
}

// give reports whether a word gives the option called name, and its value where
// that is in the word: "--module=1", "-TenantId:x", "-m1", "type=RSA".
func give(name, word string, takes bool) (value string, given, found bool) {
	typed := head(word)
	switch {
	case typed == name || len(name) > 2 && strings.EqualFold(typed, name):
		value = word[len(typed):]
		if !strings.HasSuffix(typed, "=") && value != "" {
			value = value[1:]
		}
		return value, len(word) > len(typed) || strings.HasSuffix(typed, "="), true
	case len(name) == 2 && takes && strings.HasPrefix(word, name):
		return word[len(name):], true, true
	}
	return "", false, false
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
