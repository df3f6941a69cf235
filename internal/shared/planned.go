package shared

import (
	"strings"

	"byok/internal/command"
	"byok/internal/plan"
	"byok/internal/planned"
	"byok/internal/script"
)

// Planner reads what --plan names for the program at a place. The options called
// left are for no plan of its to decide.
func Planner(at script.Place, left ...string) command.Planner {
	return func(file, name string) (*planned.Plan, error) {
		p, sum, err := plan.Held(file)
		if err != nil {
			return nil, err
		}
		found := &planned.Plan{
			File:   file,
			SHA256: sum,
			Left:   left,
			Steps:  typed(script.Steps(p), at, name),
			Single: typed(script.Singles(p), at, name),
		}
		for _, h := range p.Holders {
			found.Media = append(found.Media, h.Media)
		}
		return found, nil
	}
}

// typed are the steps that are a command of the program at a place.
func typed(steps []script.Step, at script.Place, name string) (list []planned.Step) {
	for _, s := range steps {
		if words, is := behind(name, s.Command); is && s.Place == at {
			list = append(list, planned.Step{ID: s.ID, Typed: words})
		}
	}
	return list
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
