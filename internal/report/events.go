package report

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
)

// event is a line of one of the two logs that says how a command ended, or what
// was noted while it ran; or that it began, where it never ended.
type event struct {
	ceremony.Event
	Place string // disconnected or connected
}

// The places of events.
const (
	placeDisconnected = "disconnected"
	placeConnected    = "connected"
)

// events merges both logs by time, so that a command comes after the one that
// made what it read, whatever the two clocks say.
func (s *Source) events() []event {
	a, b := shownOf(s.Disconnected.Events), shownOf(s.Connected.Events)
	madeA, madeB := madeBy(a), madeBy(b)
	var list []event
	for len(a) > 0 && len(b) > 0 {
		first := cmp.Or(a[0].Time.Compare(b[0].Time), strings.Compare(b[0].Place, a[0].Place))
		from := &a
		if waits, others := madeB.after(a[0], b[0]), madeA.after(b[0], a[0]); first > 0 && !others || waits && !others {
			from = &b
		}
		list, *from = append(list, (*from)[0]), (*from)[1:]
	}
	return slices.Concat(list, a, b)
}

// shownOf are a log's events without the beginnings of those that ended.
func shownOf(events []ceremony.Event) (list []event) {
	ended := map[int]bool{}
	for _, e := range events {
		ended[e.Began] = ended[e.Began] || e.Phase == ceremony.End
	}
	for _, e := range events {
		if e.Phase == ceremony.Begin && ended[e.Seq] {
			continue
		}
		place := placeDisconnected
		if e.Program == programOnline {
			place = placeConnected
		}
		list = append(list, event{e, place})
	}
	return list
}

// made are the files that the events of a log wrote, with the line of the last one
// that did.
type made map[fingerprint.Sum]int

func madeBy(events []event) made {
	m := made{}
	for _, e := range events {
		for _, f := range e.Outputs {
			m[f.SHA256] = e.Seq
		}
	}
	return m
}

// after reports whether an event read what the other log's event next, or one behind
// it, wrote, and so comes after that.
func (m made) after(e, next event) bool {
	return e.Result == ceremony.Success &&
		slices.ContainsFunc(e.Inputs, func(f ceremony.File) bool { return m[f.SHA256] >= next.Seq })
}

// Outcome is how a command ended, in a word.
func (e event) Outcome() string {
	switch e.Phase {
	case ceremony.Begin:
		return "NO END"
	case ceremony.Noted:
		return "note"
	case ceremony.Sealed:
		return "seal"
	case ceremony.End:
	}
	return e.Result
}

// Words are those of the command line, without what every command has.
func (e event) Words() (words []string) {
	for _, a := range e.Arguments {
		if !strings.HasPrefix(a, "--kmdata=") {
			words = append(words, a)
		}
	}
	return words
}

// said is something that an event says besides its command.
type said struct{ Name, Value string }

// Says is what the event says besides its command: a line a name.
func (e event) Says() (list []said) {
	add := func(name, value string) {
		at := slices.IndexFunc(list, func(s said) bool { return s.Name == name })
		if at < 0 {
			list = append(list, said{name, value})
			return
		}
		list[at].Value += "; " + value
	}
	if e.Phase == ceremony.Begin {
		add("", "it was killed, or the computer lost power")
	}
	if e.Error != "" {
		add("error", e.Error)
	}
	for _, n := range e.Notes {
		if n.Name != ceremony.NotePlan { // the first page has a problem where it is another's
			add(n.Name, n.Value)
		}
	}
	for _, f := range e.Inputs {
		add("read", path.Base(f.Path))
	}
	for _, f := range e.Outputs {
		add("wrote", path.Base(f.Path))
	}
	return list
}

// notes are the values of an event's notes of a name.
func (e event) notes(name string) (values []string) {
	for _, n := range e.Notes {
		if n.Name == name {
			values = append(values, n.Value)
		}
	}
	return values
}

// deviations are the commands that failed, never ended, or ran unconfined, and what
// people noted as deviations.
func deviations(events []event) (list []event) {
	for _, e := range events {
		noted := slices.Concat(e.notes(ceremony.NoteDeviation), e.notes(ceremony.NoteUnconfined))
		if e.Status != 0 || e.Phase == ceremony.Begin || len(noted) > 0 {
			list = append(list, e)
		}
	}
	return list
}

// logs are how each workstation's log is checked.
func (s *Source) logs() []check {
	list := []check{s.places.log(programOffline, path.Join(bundle.Disconnected, kmdata.LogName))}
	name := path.Join(bundle.Connected, kmdata.LogName)
	if _, found := s.Files[name]; found {
		list = append(list, s.places.log(programOnline, name))
	}
	return list
}
