package command

import (
	"strings"

	"byok/internal/exitcode"
	"byok/internal/printable"
	"byok/internal/runbook"
)

// today returns a line of the retired procedure in today's words, and says them
// first; any other line as it is.
func (p *Program) today(args []string) ([]string, error) {
	line, old := runbook.Translate(args)
	switch {
	case !old:
		return args, nil
	case line.Err != nil && len(line.Words) > 0:
		return nil, exitcode.Hint(line.Err, "%s", typed(line))
	case line.Err != nil:
		return nil, line.Err
	case line.Program != p.Name:
		return nil, exitcode.Errorf(exitcode.Usage, "%s belongs to %s, on %s", line.Tool, line.Program, line.Place()).
			Hint("%s", typed(line))
	}
	p.retired = true
	p.Console.Hint("today: %s", typed(line))
	return line.Words, nil
}

// typed is what to type for a line, without what has no place in a command line.
func typed(line runbook.Line) string {
	words := []string{line.Program}
	for _, word := range line.Words {
		words = append(words, quote(redact(word)))
	}
	return strings.Join(words, " ")
}

// quote is [printable.Quote] for a word that may be an option: with a value that
// needs quotes, "--name='a b'".
func quote(word string) string {
	name, value, found := strings.Cut(word, "=")
	switch {
	case !strings.HasPrefix(word, "-"):
		return printable.Quote(word)
	case found:
		return strings.TrimPrefix(printable.Quote(name), "./") + "=" + printable.Quote(value)
	}
	return strings.TrimPrefix(printable.Quote(word), "./")
}
