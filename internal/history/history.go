// Package history says what became of a key: when it was generated, restored,
// approved for a KEK, packaged, uploaded, frozen or retired.
//
// [Of] reads it from the record: the statements, which the quorum signed; the
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

// Of returns what became of a key, in order of time. log is the ceremony log,
// as far as it can be read.
func Of(chain *kmdata.Chain, log []ceremony.Event, k *kmdata.Key) ([]Deed, error) {
	deeds := signed(chain, k)
	if !slices.ContainsFunc(deeds, func(d Deed) bool { return d.What == Generated || d.What == Restored }) {
		deeds = append(deeds, Deed{Time: k.Created, What: Generated})
	}
	deeds = append(deeds, logged(log, k.Ident)...)
	retired, err := chain.Retired(k.Ident)
	if retired != nil {
		deeds = append(deeds, Deed{Time: retired.Created, What: Retired})
	}
	slices.SortStableFunc(deeds, func(a, b Deed) int { return a.Time.Compare(b.Time) })
	return deeds, err
}

// signed are the deeds that a statement holds.
func signed(chain *kmdata.Chain, k *kmdata.Key) (deeds []Deed) {
	for _, e := range chain.Entries() {
		switch s := e.Statement.(type) {
		case *statement.Origin:
			if s.Ident != k.Ident || !s.Identity.Same(k.Identity) {
				continue
			}
			what := Generated
			if s.Restored {
				what = Restored
			}
			deeds = append(deeds, Deed{Time: s.Time, What: what})
		case *statement.Authorization:
			for _, p := range s.Pairs {
				if p.Ident == k.Ident && p.Identity.Same(k.Identity) {
					deeds = append(deeds, Deed{Time: s.Time, What: Approved, For: p.Target.Name + " in " + p.Target.Vault})
				}
			}
		}
	}
	return deeds
}

// logged are the deeds that only the ceremony log knows.
func logged(log []ceremony.Event, ident string) (deeds []Deed) {
	packages := map[fingerprint.Sum]bool{}
	for _, e := range log {
		if e.Phase != ceremony.End || e.Result != ceremony.Success {
			continue
		}
		switch {
		case e.Command == "upload":
			deeds = append(deeds, uploads(e, packages)...)
		case !slices.Contains(e.Arguments, "--ident="+ident):
		case e.Command == "key freeze":
			deeds = append(deeds, Deed{Time: e.Time, What: Frozen})
		default: // package, or acl modify where the session packs too
			for _, f := range e.Outputs {
				if name := filepath.Base(f.Path); strings.HasSuffix(name, ".byok") {
					packages[f.SHA256] = true
					deeds = append(deeds, Deed{Time: e.Time, What: Packaged, For: name})
				}
			}
		}
	}
	return deeds
}

// uploads are those of an event that are of one of the packages. Of several
// files, the log does not say which is which key.
func uploads(e ceremony.Event, packages map[fingerprint.Sum]bool) (deeds []Deed) {
	var ids []string
	for _, n := range e.Notes {
		if n.Name == "key" {
			ids = append(ids, n.Value)
		}
	}
	for _, f := range e.Inputs {
		if !packages[f.SHA256] {
			continue
		}
		d := Deed{Time: e.Time, What: Uploaded}
		if len(e.Inputs) == 1 && len(ids) == 1 {
			d.For = ids[0]
		}
		deeds = append(deeds, d)
	}
	return deeds
}
