package report

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"byok/internal/bundle"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/printable"
	"byok/internal/register"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/transfer"
)

// key is a key of the world, and where it went.
type key struct {
	*kmdata.Key
	Identifies string // public key in words, or check value
	Origin     string
	Purpose    string // by the plan, or ""
	Period     string // by the plan, or ""
	Retired    time.Time
	Replaces   string // ident of the key that it follows, or ""
	ReplacedBy string // ident of the key that follows it, or ""
	Went       []destination
	Checks     []check
}

// State is what became of the key, in a word.
func (k key) State() string {
	switch {
	case !k.Retired.IsZero():
		return "destroyed " + stamp.Text(k.Retired)
	case k.ReplacedBy != "":
		return "replaced by " + k.ReplacedBy
	case k.Frozen:
		return "frozen"
	case len(k.Went) == 0:
		return "in the HSM alone"
	}
	return "in use"
}

// destination is a vault that a key was approved for.
type destination struct {
	*register.Destination
	Copy   []string // permissions of the copy that was wrapped
	Proofs []proved
	Checks []check
}

// proved is a proof of a vault's.
type proved struct {
	register.Proof
	Check check
}

// sources are what the register is made of. A package that does not hold is a
// problem, and not in it.
func (s *Source) sources() register.Sources {
	chain := s.Disconnected.Chain
	r := register.Sources{Worlds: []*kmdata.Chain{chain}, Proofs: map[string][]byte{}}
	for _, e := range s.events() {
		r.Log = append(r.Log, e.Event)
	}
	for name, data := range s.Files {
		switch {
		case !strings.HasPrefix(name, bundle.Packages+"/"):
		case strings.HasSuffix(name, ".byok"):
			facts, err := verified(s.places.real(name), chain.FirstHKNSO())
			s.problem("A package does not hold", err)
			if err == nil {
				r.Packages = append(r.Packages, register.Package{File: name, SHA256: fingerprint.Of(data), Facts: facts})
			}
		case strings.Contains(path.Base(name), ".proof-"):
			r.Proofs[name] = data
		}
	}
	return r
}

func verified(file string, hknso fingerprint.Sum) (transfer.Facts, error) {
	p, err := transfer.ReadPackage(file)
	if err != nil {
		return transfer.Facts{}, err
	}
	approved, err := p.Verify(hknso)
	return approved.Facts(), err
}

func (s *Source) keys() []key {
	chain := s.Disconnected.Chain
	files, err := chain.Keys()
	s.problem("A key file does not hold", err)
	var list []key
	followed := map[string]string{}
	for _, k := range files {
		if k.App != kmdata.Simple {
			continue
		}
		one := key{Key: k, Identifies: identifies(k.Identity)}
		one.Origin, _ = chain.OriginOf(k.Ident, k.Identity, k.Module)
		retired, err := chain.Retired(k.Ident)
		s.problem("The record of a destroyed key does not hold", err)
		if retired != nil {
			one.Retired = retired.Created
		}
		if old := chain.Replaces(k); old != nil {
			one.Replaces = old.Ident
			followed[old.Ident] = k.Ident
		}
		one.Purpose, one.Period = s.planned(k.Ident)
		one.Went = s.went(k)
		one.Checks = s.keyChecks(k)
		list = append(list, one)
	}
	for i := range list {
		list[i].ReplacedBy = followed[list[i].Ident]
	}
	return list
}

// keyChecks are those of a key's file and of the statement that gives its origin.
func (s *Source) keyChecks(k *kmdata.Key) []check {
	file := bundle.Disconnected + "/" + k.Name()
	list := []check{s.signedByModule(k.Module, file)}
	if o, found := s.Disconnected.Chain.OriginOn(k.Ident, k.Module); found {
		list = append(list, s.statementCheck(o.Number))
	}
	return list
}

// statementCheck is that of a statement's signature.
func (s *Source) statementCheck(number int) check {
	at, found := slices.BinarySearchFunc(s.rows, number, func(r row, n int) int { return r.Number - n })
	if !found {
		return check{}
	}
	return s.rows[at].Checks[0]
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

// planned is what the plan says of a key: its purpose, and its period of use.
func (s *Source) planned(ident string) (purpose, period string) {
	if s.Plan == nil {
		return "", ""
	}
	for _, k := range s.Plan.Keys {
		if k.Ident == ident {
			from, until := string(k.NotBefore), cmp.Or(string(k.Expires), "no end")
			return k.Purpose, strings.TrimPrefix(from+" to "+until, " to ")
		}
	}
	return "not in the plan", ""
}

// went lists the approvals of a key.
func (s *Source) went(k *kmdata.Key) []destination {
	var list []destination
	for _, r := range s.register.Keys {
		if r.Ident != k.Ident || !r.Same(k.Identity) {
			continue
		}
		for _, d := range r.Went {
			one := destination{Destination: d, Checks: []check{s.statementCheck(d.Number)}}
			one.Copy = s.copied(d, &one)
			if d.HSM != nil {
				one.Checks = append(one.Checks, s.places.hash(bundle.Disconnected+"/attestations/"+d.HSM.SHA256.String()))
			}
			if d.File != "" {
				one.Checks = append(one.Checks, s.packaged(d))
			}
			for _, p := range d.Proofs {
				one.Proofs = append(one.Proofs, proved{p, s.proven(p.File)})
			}
			list = append(list, one)
		}
	}
	return list
}

// packaged checks a package: its manifest under the world's hknso.
func (s *Source) packaged(d *register.Destination) check {
	manifest := s.places.shown(strings.TrimSuffix(d.File, ".byok") + ".manifest.json")
	return check{s.places.shown(d.File), fmt.Sprintf("%s inspect --hknso %s %s",
		programOnline, s.Disconnected.Chain.FirstHKNSO(), printable.Quote(manifest))}
}

// proven checks a proof, without a vault.
func (s *Source) proven(file string) check {
	shown := s.places.shown(file)
	return check{shown, fmt.Sprintf("%s verify --hknso %s --proof %s",
		programOnline, s.Disconnected.Chain.FirstHKNSO(), printable.Quote(shown))}
}

// copied are the permissions of the copy that was wrapped for an approval. Its file
// gets a check.
func (s *Source) copied(d *register.Destination, one *destination) []string {
	copies, err := s.Disconnected.Chain.Copies(d.Ident)
	s.problem("A key file does not hold", err)
	for _, c := range copies {
		if c.Copy != nil && c.Copy.Number == d.Number && c.Copy.Index == d.Index {
			one.Checks = append(one.Checks, s.signedByModule(c.Module, bundle.Disconnected+"/"+c.Name()))
			return c.Permissions
		}
	}
	return nil
}

// exchange is a KEK that the quorum approved.
type exchange struct {
	*register.KEK
	Checks []check
}

func (s *Source) keks() []exchange {
	var list []exchange
	for _, k := range s.register.KEKs {
		one := exchange{KEK: k, Checks: []check{s.statementCheck(k.Number)}}
		if name, found := s.names[k.Package]; found {
			one.Checks = append(one.Checks, s.places.hash(name))
		}
		list = append(list, one)
	}
	return list
}
