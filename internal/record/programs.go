package record

import (
	"cmp"
	"slices"

	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/ordered"
	"byok/internal/statement"
)

// Program is a release of one of the two programs, as a record names it.
type Program struct {
	Name    string          // byok-offline
	Version string          // one word
	SHA256  fingerprint.Sum // of its file; zero in logs of releases that did not record it
}

// String is the program in one line.
func (p Program) String() string {
	if p.SHA256.IsZero() {
		return p.Name + " " + p.Version + ", whose SHA-256 was not recorded"
	}
	return p.Name + " " + p.Version + ", SHA-256 " + p.SHA256.String()
}

// signing is the program that makes statements.
const signing = "byok-offline"

// Programs lists the programs that made the statements, or began a command of this
// log or of other, the connected workstation's: each once, by name.
func (c Record) Programs(other []ceremony.Event) (list []Program) {
	add := func(p Program) {
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	if c.Chain != nil {
		for _, e := range c.Chain.Entries() {
			p := statement.HeaderOf(e.Statement).Program
			add(Program{signing, p.Version, p.SHA256})
		}
	}
	for _, e := range slices.Concat(c.Events, other) {
		if e.Phase == ceremony.Begin {
			add(Program{e.Program, e.Version, e.Executable})
		}
	}
	ordered.Sort(list, func(a, b Program) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
