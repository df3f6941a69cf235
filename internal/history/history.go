// Package history says what became of a key: when it was generated, restored,
// approved for a KEK, packaged, uploaded, frozen or retired.
//
// [Record.Of] has it from the record: the statements, which the quorum signed; the
// record of a retirement, which the module signed; and the ceremony log, which
// alone knows packages and uploads, the latter only if both workstations keep
// one kmdata, as in a rehearsal. It is for people to look at. Do not decide
// anything by it: who may change the log behind the last statement may change
// what it says.
package history

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/ordered"
	"byok/internal/statement"
)

// The deeds that a key's history has.
const (
	Generated = "generated"
	Restored  = "restored"
	Approved  = "approved" // and wrapped
	Packaged  = "packaged"
	Uploaded  = "uploaded"
	Frozen    = "frozen"
	Retired   = "retired"
)

// Deed is one thing that was done with a key.
type Deed struct {
	Time time.Time `json:"time"`
	What string    `json:"what"`
	For  string    `json:"for,omitempty"` // name and vault, a file's name, or the key's identifier in the vault
}

// String returns it as in "packaged, KeyTransferPackage-ContosoKey.byok".
func (d Deed) String() string {
	if d.For == "" {
		return d.What
	}
	return d.What + ", " + d.For
}

// Record is what statements and log say of every key: each is read once, however many
// keys there are. [New] makes one of the statements, and [Record.Add] takes the log.
type Record struct {
	chain    *kmdata.Chain
	signed   map[string][]signed          // by ident
	logged   map[string][]Deed            // the same
	named    map[string][]approval        // by name in the vault
	packages map[fingerprint.Sum][]string // whose a package is: idents
}

// signed is a deed that a statement holds, and the key that it names.
type signed struct {
	Deed
	key statement.Identity
}

// approval is when a key was approved under some name.
type approval struct {
	time  time.Time
	ident string
}

// New reads the statements of a chain.
func New(chain *kmdata.Chain) *Record {
	r := &Record{
		chain: chain, signed: map[string][]signed{}, logged: map[string][]Deed{}, named: map[string][]approval{},
		packages: map[fingerprint.Sum][]string{},
	}
	for _, e := range chain.Entries() {
		switch s := e.Statement.(type) {
		case *statement.Origin:
			what := Generated
			if s.Restored {
				what = Restored
			}
			r.signed[s.Ident] = append(r.signed[s.Ident], signed{Deed{Time: s.Time, What: what}, s.Identity})
		case *statement.Authorization:
			for _, p := range s.Pairs {
				d := Deed{Time: s.Time, What: Approved, For: p.Target.Name + " in " + p.Target.Vault}
				r.signed[p.Ident] = append(r.signed[p.Ident], signed{d, p.Identity})
				r.named[p.Target.Name] = append(r.named[p.Target.Name], approval{s.Time, p.Ident})
			}
		}
	}
	return r
}

// Add takes the next event of the ceremony log.
func (r *Record) Add(e ceremony.Event) {
	switch {
	case e.Phase != ceremony.End || e.Result != ceremony.Success:
	case e.Command == "upload":
		r.uploads(e)
	case e.Command == "key freeze":
		for _, ident := range idents(e) {
			r.does(ident, Deed{Time: e.Time, What: Frozen})
		}
	default: // package, or acl modify where the session packs too
		r.packs(e)
	}
}

func (r *Record) does(ident string, d Deed) { r.logged[ident] = append(r.logged[ident], d) }

// idents are the keys that a command named.
func idents(e ceremony.Event) (list []string) {
	for _, a := range e.Arguments {
		if ident, found := strings.CutPrefix(a, "--ident="); found && !slices.Contains(list, ident) {
			list = append(list, ident)
		}
	}
	return list
}

// packs takes the packages that a command wrote.
func (r *Record) packs(e ceremony.Event) {
	var named []string
	for _, f := range e.Outputs {
		name := filepath.Base(f.Path)
		if !strings.HasSuffix(name, ".byok") {
			continue
		}
		if named == nil {
			named = idents(e)
		}
		for _, ident := range r.owners(name, named, e.Time) {
			r.packages[f.SHA256] = append(r.packages[f.SHA256], ident)
			r.does(ident, Deed{Time: e.Time, What: Packaged, For: name})
		}
	}
}

// owners are the keys whose package a command wrote: the one that it named, or, of
// several, the one that was approved last under the package's name.
func (r *Record) owners(file string, named []string, at time.Time) []string {
	if len(named) < 2 {
		return named
	}
	name := strings.TrimSuffix(strings.TrimPrefix(file, "KeyTransferPackage-"), ".byok")
	for _, a := range slices.Backward(r.named[name]) {
		if !a.time.After(at) {
			return []string{a.ident}
		}
	}
	return nil
}

// uploads takes what a command uploaded. A log that keeps both workstations' commands
// has the packages of before.
func (r *Record) uploads(e ceremony.Event) {
	var ids []string
	for _, n := range e.Notes {
		if n.Name == "key" {
			ids = append(ids, n.Value)
		}
	}
	for _, f := range e.Inputs {
		d := Deed{Time: e.Time, What: Uploaded}
		if len(e.Inputs) == 1 && len(ids) == 1 {
			d.For = ids[0]
		}
		for _, ident := range r.packages[f.SHA256] {
			r.does(ident, d)
		}
	}
}

// Of returns what became of a key, in order of time.
func (r *Record) Of(k *kmdata.Key) (deeds []Deed, err error) {
	for _, s := range r.signed[k.Ident] {
		if s.key.Same(k.Identity) {
			deeds = append(deeds, s.Deed)
		}
	}
	if !slices.ContainsFunc(deeds, func(d Deed) bool { return d.What == Generated || d.What == Restored }) {
		deeds = append(deeds, Deed{Time: k.Created, What: Generated})
	}
	deeds = append(deeds, r.logged[k.Ident]...)
	retired, err := r.chain.Retired(k.Ident)
	if retired != nil {
		deeds = append(deeds, Deed{Time: retired.Created, What: Retired})
	}
	ordered.Sort(deeds, func(a, b Deed) int { return a.Time.Compare(b.Time) })
	return deeds, err
}
