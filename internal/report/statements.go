package report

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/printable"
	"byok/internal/statement"
)

// row is a statement of the quorum.
type row struct {
	Number  int
	Type    string
	Time    time.Time
	Present string
	Words   string
	File    string // in the bundle
	Check   string // the command that checks its signature
}

func (s *Source) statements() []row {
	var rows []row
	for _, e := range s.Disconnected.Chain.Entries() {
		h := statement.HeaderOf(e.Statement)
		file := fmt.Sprintf("%s/statements/%06d-%s.json", bundle.Disconnected, h.Number, strings.TrimPrefix(h.Type, "byok-"))
		sig := strings.TrimSuffix(file, ".json") + ".sig"
		if h.Number == 1 {
			file, sig = bundle.Disconnected+"/world", bundle.Disconnected+"/world.sig"
		}
		rows = append(rows, row{
			Number:  h.Number,
			Type:    strings.TrimPrefix(h.Type, "byok-"),
			Time:    h.Time,
			Present: holders(h.Present),
			Words:   e.Sum.FirstWords(8),
			File:    file,
			Check:   "openssl dgst -sha256 -verify knso.pem -signature " + sig + " " + file,
		})
	}
	return rows
}

func holders(list []statement.CardHolder) string {
	names := make([]string, len(list))
	for i, h := range list {
		names[i] = h.Holder
	}
	return strings.Join(names, ", ")
}

func sealOf(e kmdata.Entry) (*statement.Seal, bool) {
	s, ok := e.Statement.(*statement.Seal)
	return s, ok
}

// program is a release of byok-offline that signed statements.
type program struct {
	Version string
	SHA256  fingerprint.Sum
}

func (s *Source) programs() []program {
	var list []program
	for _, e := range s.Disconnected.Chain.Entries() {
		p := program(statement.HeaderOf(e.Statement).Program)
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

// module is an HSM of the world, as its newest statement says.
type module struct {
	*statement.Module
	Failed int // probes that did not hold
}

func (s *Source) modules() []module {
	var list []module
	for _, m := range s.Disconnected.Chain.Modules() {
		failed := 0
		for _, f := range m.Findings {
			if f.Outcome != "held" {
				failed++
			}
		}
		list = append(list, module{m, failed})
	}
	return list
}

// event is a line of one of the two logs that says how a command ended, or what
// was noted while it ran.
type event struct {
	ceremony.Event
	Place string
}

// Text is what the event says besides its command.
func (e event) Text() string {
	var parts []string
	if e.Error != "" {
		parts = append(parts, e.Error)
	}
	for _, n := range e.Notes {
		parts = append(parts, n.Name+": "+n.Value)
	}
	for _, f := range e.Inputs {
		parts = append(parts, "read "+path.Base(f.Path))
	}
	for _, f := range e.Outputs {
		parts = append(parts, "wrote "+path.Base(f.Path))
	}
	return strings.Join(parts, "; ")
}

// events merges both logs by time. Beginnings are left out.
func (s *Source) events() []event {
	var list []event
	for place, events := range map[string][]ceremony.Event{
		"disconnected": s.Disconnected.Events, "connected": s.Connected.Events,
	} {
		for _, e := range events {
			if e.Phase != ceremony.Begin {
				list = append(list, event{e, place})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b event) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.Place, b.Place), cmp.Compare(a.Seq, b.Seq))
	})
	return list
}

// deviations are the commands that failed, and what people noted as deviations.
func deviations(events []event) []event {
	var list []event
	for _, e := range events {
		noted := slices.ContainsFunc(e.Notes, func(n ceremony.Note) bool { return n.Name == "deviation" })
		if e.Status != 0 || noted {
			list = append(list, e)
		}
	}
	return list
}

// counted says how many of a thing there are.
func counted(n int, thing string) string { return printable.Count(n, thing) }
