// Package register is where the keys of security worlds went: each key, the
// authorizations by which a quorum approved it, the packages that were made of
// them, the vaults, the versions there, and the proofs that those vaults gave,
// then and later; and each key exchange key, with the time at which it was
// closed.
//
// It is derived from the record and from nothing else: gather [Sources], and call
// [Of]. Only what a quorum signed is in it as a fact; that a key was uploaded, and
// that a KEK was closed, is what the connected workstation's log says, and a
// proof is as good as package proof says. Nothing here reads a vault: package
// renewal asks the vaults again.
//
// Do not hand it a package that was not verified under an hknso which a person
// knows.
package register

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/kmdata"
	"byok/internal/ordered"
	"byok/internal/proof"
	"byok/internal/statement"
	"byok/internal/transfer"
)

// Sources are what a register is made of. Every one of them may be missing.
type Sources struct {
	// Worlds are the verified records of disconnected workstations.
	Worlds []*kmdata.Chain
	// Packages are verified. Two of one pair, such as copies, are one.
	Packages []Package
	// Proofs are the contents of proof files by their paths.
	Proofs map[string][]byte
	// Log is what connected workstations recorded.
	Log []ceremony.Event
}

// Package is a verified transfer package.
type Package struct {
	File   string          // path of the .byok
	SHA256 fingerprint.Sum // of the .byok
	transfer.Facts
}

// Register is the keys of every world, in the order in which a quorum first
// approved them, and their KEKs.
type Register struct {
	Keys   []*Key
	KEKs   []*KEK
	Strays []Stray // proofs that are not in it, by their paths
}

// Key is a key of a world, and where it went.
type Key struct {
	World fingerprint.Sum // hknso of the world's first card set
	Label string          // of the world
	Ident string
	statement.Identity
	Retired  time.Time      // when its objects on the HSM were destroyed; zero if the record does not say so
	Follower *Key           // the newest key that a quorum approved to follow it; nil without one
	Went     []*Destination // in the order of their authorizations
}

// Destination is one approval of a key: for a KEK, and under a name in its vault.
type Destination struct {
	Number        int             // of the authorization
	Index         int             // of the pair in it, from 0
	Authorization fingerprint.Sum // SHA-256 of the statement
	Approved      time.Time
	statement.Pair

	File   string          // path of the package's .byok; "" where no package is here
	SHA256 fingerprint.Sum // of it
	// Later is the number of the authorization that approved the key for this
	// name in this vault again; 0 without one.
	Later int
	// Followed is the number of the authorization by which another key became the
	// next version of this name; 0 without one.
	Followed int
	Uploaded time.Time // when the log first names a version of it; zero if it names none
	Versions []kek.ID  // those that the log and the proofs name, oldest first
	Proofs   []Proof   // oldest first
}

// Proof is a proof that holds, as far as it can be checked without the vault.
type Proof struct {
	File string
	proof.Proof
}

// KEK is a key exchange key that a quorum approved.
type KEK struct {
	statement.KEK
	Number int       // of the first authorization for it
	Closed time.Time // zero if the log does not say so
	// Found says that it was found gone at that time: this program's kek delete
	// was not what closed it.
	Found bool
}

// Stray is a proof that is not in the register, and why.
type Stray struct {
	File string
	Why  error // names the file
}

// Of derives the register from the sources.
func Of(s Sources) *Register {
	r := &Register{}
	for _, chain := range s.Worlds {
		r.chain(chain)
	}
	for _, p := range s.Packages {
		r.pack(p)
	}
	r.order()
	r.supersede()
	r.succeed()
	for _, e := range s.Log {
		r.event(e)
	}
	r.proofs(s.Proofs)
	for _, k := range s.Worlds {
		r.retired(k)
	}
	return r
}

// chain adds everything that a world's quorum approved.
func (r *Register) chain(c *kmdata.Chain) {
	for _, e := range c.Entries() {
		a, ok := e.Statement.(*statement.Authorization)
		if !ok {
			continue
		}
		for i, p := range a.Pairs {
			k := r.key(c.FirstHKNSO(), c.World().Label, p)
			k.went(&Destination{Number: a.Number, Index: i, Authorization: e.Sum, Approved: a.Time, Pair: p})
			r.exchange(a.Number, p.KEK)
		}
	}
}

// pack adds a package. Its world's label is not in every package.
func (r *Register) pack(p Package) {
	k := r.key(p.First, p.Label, p.Pair)
	d := k.went(&Destination{
		Number:        p.Authorization.Number,
		Index:         p.Manifest.Authorization.Pair,
		Authorization: p.Sum,
		Approved:      p.Authorization.Time,
		Pair:          p.Pair,
	})
	if d.File == "" {
		d.File, d.SHA256 = p.File, p.SHA256
	}
	r.exchange(d.Number, p.Pair.KEK)
}

// key returns the entry of a pair's key, which it makes if there is none.
func (r *Register) key(world fingerprint.Sum, label string, p statement.Pair) *Key {
	at := slices.IndexFunc(r.Keys, func(k *Key) bool {
		return k.World == world && k.Ident == p.Ident && k.Same(p.Identity)
	})
	if at >= 0 {
		return r.Keys[at]
	}
	k := &Key{World: world, Label: label, Ident: p.Ident, Identity: p.Identity}
	r.Keys = append(r.Keys, k)
	return k
}

// went returns the key's destination that is d, which it adds if there is none.
func (k *Key) went(d *Destination) *Destination {
	at := slices.IndexFunc(k.Went, func(o *Destination) bool {
		return o.Authorization == d.Authorization && o.Index == d.Index
	})
	if at >= 0 {
		return k.Went[at]
	}
	k.Went = append(k.Went, d)
	return d
}

// exchange adds the KEK of an authorization.
func (r *Register) exchange(number int, k statement.KEK) {
	if !slices.ContainsFunc(r.KEKs, func(o *KEK) bool { return o.KID.Equal(k.KID) }) {
		r.KEKs = append(r.KEKs, &KEK{KEK: k, Number: number})
	}
}

// order sorts keys and destinations by their authorizations: packages come in
// the order of their files.
func (r *Register) order() {
	for _, k := range r.Keys {
		ordered.Sort(k.Went, (*Destination).before)
	}
	ordered.Sort(r.Keys, func(a, b *Key) int {
		return cmp.Or(a.Went[0].Approved.Compare(b.Went[0].Approved), a.Went[0].before(b.Went[0]))
	})
}

// before compares the places of two approvals in the record of a world.
func (d *Destination) before(o *Destination) int {
	return cmp.Or(d.Number-o.Number, d.Index-o.Index)
}

// supersede marks the approvals that a later one of the same key, for the same
// name in the same vault, took the place of.
func (r *Register) supersede() {
	for _, k := range r.Keys {
		for i, d := range k.Went {
			for _, later := range k.Went[i+1:] {
				if d.at(later.Target.Vault, later.Target.Name) {
					d.Later = later.Number
				}
			}
		}
	}
}

// succeed marks the keys that others follow, and the names that these took.
func (r *Register) succeed() {
	for _, next := range r.Keys {
		for _, f := range next.Went {
			if f.Replaces == nil {
				continue
			}
			for _, k := range r.Keys {
				if k.World == next.World && k.Ident == f.Replaces.Ident && k.Same(f.Replaces.Identity) {
					k.Follower = next
					k.gaveWay(f)
				}
			}
		}
	}
}

// gaveWay marks the approvals of a key whose name in a vault another one took.
func (k *Key) gaveWay(f *Destination) {
	for _, d := range k.Went {
		if d.at(f.Target.Vault, f.Target.Name) && d.before(f) < 0 {
			d.Followed = f.Number
		}
	}
}

// at reports whether the approval is for a name in a vault. Names compare without
// regard to case.
func (d *Destination) at(vault, name string) bool {
	return d.Target.Vault == vault && strings.EqualFold(d.Target.Name, name)
}

// version adds a version that the record names.
func (d *Destination) version(id kek.ID) {
	if !slices.ContainsFunc(d.Versions, id.Equal) {
		d.Versions = append(d.Versions, id)
	}
}

// retired adds what a world says of keys whose objects were destroyed. A record
// that cannot be read is for whoever checks the world.
func (r *Register) retired(c *kmdata.Chain) {
	for _, k := range r.Keys {
		if k.World != c.FirstHKNSO() {
			continue
		}
		if gone, err := c.Retired(k.Ident); err == nil && gone != nil && gone.Same(k.Identity) {
			k.Retired = gone.Created
		}
	}
}
