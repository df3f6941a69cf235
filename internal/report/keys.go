package report

import (
	"path"
	"slices"
	"strings"
	"time"

	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/kek"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/strictjson"
)

// key is a key of the world, and where it went.
type key struct {
	*kmdata.Key
	Identifies string // public key or check value, in words
	Origin     string
	Retired    bool
	Went       []destination
}

// destination is a vault that a key was approved for.
type destination struct {
	Statement int
	statement.Target
	KEK    kek.ID
	Copy   []string // permissions of the copy that was wrapped
	Proofs []proved
}

// proved is a proof of a vault's, as its file says.
type proved struct {
	KID    string
	Method string
	Time   string
}

func (s *Source) keys() []key {
	files, err := s.Disconnected.Chain.Keys()
	s.problem("a key file does not hold", err)
	proofs := s.proofs()
	var list []key
	for _, k := range files {
		if k.App != kmdata.Simple {
			continue
		}
		one := key{Key: k, Identifies: identifies(k.Identity)}
		one.Origin, _ = s.Disconnected.Chain.OriginOf(k.Ident, k.Identity, k.Module)
		retired, err := s.Disconnected.Chain.Retired(k.Ident)
		s.problem("the record of a destroyed key does not hold", err)
		one.Retired = retired != nil
		one.Went = s.went(k, proofs)
		list = append(list, one)
	}
	return list
}

func identifies(i statement.Identity) string {
	if i.Secret() {
		return "check value " + i.CheckValue
	}
	sum, err := i.Fingerprint()
	if err != nil {
		return ""
	}
	return sum.FirstWords(8)
}

// went lists the approvals of a key.
func (s *Source) went(k *kmdata.Key, proofs map[string][]proved) []destination {
	var list []destination
	for _, e := range s.Disconnected.Chain.Entries() {
		a, ok := e.Statement.(*statement.Authorization)
		if !ok {
			continue
		}
		for _, p := range a.Pairs {
			if p.Ident != k.Ident || !p.Same(k.Identity) {
				continue
			}
			list = append(list, destination{
				Statement: a.Number, Target: p.Target, KEK: p.KEK.KID, Copy: s.permissions(k.Ident, a.Number),
				Proofs: proofs[strings.ToLower(p.Target.Vault+"/keys/"+p.Target.Name+"/")],
			})
		}
	}
	return list
}

// permissions are those of a key's copy for an authorization.
func (s *Source) permissions(ident string, number int) []string {
	copies, err := s.Disconnected.Chain.Copies(ident)
	s.problem("a key file does not hold", err)
	for _, c := range copies {
		if c.Copy != nil && c.Copy.Number == number {
			return c.Permissions
		}
	}
	return nil
}

// proofs reads the proofs, by the key's identifier without its version, in
// lower case.
func (s *Source) proofs() map[string][]proved {
	list := map[string][]proved{}
	for name, data := range s.Files {
		if !strings.HasPrefix(name, bundle.Packages+"/") || !strings.Contains(path.Base(name), ".proof-") {
			continue
		}
		var fields map[string]any
		if err := strictjson.Unmarshal(name, data, bundle.MaxFile, &fields); err != nil {
			s.problem("a proof cannot be read", err)
			continue
		}
		text := func(field string) string {
			value, _ := fields[field].(string)
			return value
		}
		p := proved{text("kid"), text("method"), text("time")}
		at := strings.ToLower(p.KID[:strings.LastIndex(p.KID, "/")+1])
		list[at] = append(list[at], p)
	}
	for _, proofs := range list {
		slices.SortFunc(proofs, func(a, b proved) int { return strings.Compare(a.Time, b.Time) })
	}
	return list
}

// exchange is a KEK that the quorum approved.
type exchange struct {
	statement.KEK
	Statement int
	Deleted   time.Time // zero if the record does not say so
}

// Words are the KEK's fingerprint in words.
func (k exchange) Words() []string { return k.Fingerprint.Rows() }

func (s *Source) keks() []exchange {
	var list []exchange
	for _, e := range s.Disconnected.Chain.Entries() {
		a, ok := e.Statement.(*statement.Authorization)
		if !ok {
			continue
		}
		for _, p := range a.Pairs {
			known := func(k exchange) bool { return k.KID.Equal(p.KEK.KID) }
			if !slices.ContainsFunc(list, known) {
				list = append(list, exchange{p.KEK, a.Number, s.deleted(p.KEK.KID)})
			}
		}
	}
	return list
}

// deleted is when the connected side deleted a KEK.
func (s *Source) deleted(id kek.ID) time.Time {
	for _, e := range s.Connected.Events {
		if e.Command != "kek delete" || e.Phase != ceremony.End || e.Result != ceremony.Success {
			continue
		}
		for _, n := range e.Notes {
			if strings.HasPrefix(strings.ToLower(n.Value), strings.ToLower(id.Vault+"/keys/"+id.Name)) {
				return e.Time
			}
		}
	}
	return time.Time{}
}
