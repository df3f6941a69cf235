package shared

import (
	"strings"
	"time"

	"byok/internal/command"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/plan"
	"byok/internal/planned"
	"byok/internal/printable"
	"byok/internal/script"
)

// Planner reads what --plan names for the program at a place. The options called
// left are for no plan of its to decide.
func Planner(at script.Place, left ...string) command.Planner {
	return func(file, name string) (*planned.Plan, [][]string, error) {
		p, sum, err := held(file)
		if err != nil {
			return nil, nil, err
		}
		found, lines := &planned.Plan{File: file, SHA256: sum, Left: left}, [][]string(nil)
		for _, h := range p.Holders {
			found.Media = append(found.Media, h.Media)
		}
		for _, s := range script.Steps(p) {
			if words, is := behind(name, s.Command); is && s.Place == at {
				found.Steps = append(found.Steps, planned.Step{ID: s.ID})
				lines = append(lines, words)
			}
		}
		return found, lines, nil
	}
}

// held reads a plan that a ceremony is held by.
func held(file string) (*plan.Plan, fingerprint.Sum, error) {
	data, err := durable.ReadFile(file, plan.MaxFile)
	if err != nil {
		return nil, fingerprint.Sum{}, exitcode.Mark(exitcode.Usage, err)
	}
	p, err := plan.Parse(file, data)
	if err != nil {
		return nil, fingerprint.Sum{}, err
	}
	if found := p.CheckHeld(time.Now()); len(found) > 0 {
		return nil, fingerprint.Sum{}, exitcode.Errorf(exitcode.Check, "%s: %s; the first: %s", file,
			printable.Count(len(found), "finding"), found[0]).
			Hint("byok-offline ceremony check %s", printable.Quote(file))
	}
	return p, fingerprint.Of(data), nil
}

// behind are the words of a step behind the name of its command, if it has that
// name.
func behind(name string, words []string) ([]string, bool) {
	names := strings.Fields(name)
	if len(words) < len(names) || strings.Join(words[:len(names)], " ") != name {
		return nil, false
	}
	return words[len(names):], true
}
