// Package packing writes the transfer packages of wrapped copies that a quorum
// approved. It wraps nothing, and uses no key except KML, which signs the manifests.
//
// [ApprovalOf] is the one place that says what the quorum approved of a wrapped
// copy. What stands in a copy's own file KML signed, and decides nothing.
package packing

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/transfer"
)

// Request asks for the transfer package of a key that a quorum approved.
type Request struct {
	Ident          string
	Name           string // in the vault; "" takes the newest approval of the key
	KEK            KEK
	Vault          string // URL of the vault it was approved for; "" for any
	SubscriptionID string
	Dir            string // where the package goes
	Generator      string // tool and version
}

// KEK are the two packages of the KEK for which a key was approved, by the
// SHA-256 of their files; zero for any.
type KEK struct{ Package, World fingerprint.Sum }

// Packed is a transfer package as it was written.
type Packed struct {
	Pair  statement.Pair
	Paths []string // the .byok first
}

// Packer packs on a module while the user is logged in.
type Packer struct {
	Chain *kmdata.Chain
	Token hsm.Token
	KML   kmdata.Signer
	Check func() error // of the token's trusted objects

	certifier kmdata.Certifier // packages have statements in common
}

// inRow is how many packages are written at a time: as many as an authorization
// has pairs.
const inRow = statement.MaxPairs

// Pack writes packages, and calls done, if it is set, for each. Up to fifty are
// signed and written in a row: before KML signs the first and after it has signed
// the last, the token's trusted objects are held to the world's, and without that
// none of them is written. It returns those that are there: also those of an
// earlier run, which are not written again.
func (o *Packer) Pack(list []Request, done func(Packed)) ([]Packed, error) {
	var all []Packed
	for row := range slices.Chunk(list, inRow) {
		packed, err := o.row(row)
		for _, p := range packed {
			if done != nil {
				done(p)
			}
		}
		if all = append(all, packed...); err != nil {
			return all, err
		}
	}
	return all, nil
}

// made is a package that is still to be written, in its folder.
type made struct {
	at  int // in the row
	dir string
	*transfer.Package
}

func (o *Packer) row(list []Request) ([]Packed, error) {
	packed := make([]Packed, len(list))
	var left []made
	look := sync.OnceValue(o.Check) // where all is there already, nothing rests on the token
	for i, r := range list {
		k, pair, err := r.approved(o.Chain)
		if err != nil {
			return nil, err
		}
		if packed[i], err = r.before(o.Chain, k, pair); err != nil {
			return nil, err
		}
		if len(packed[i].Paths) > 0 {
			continue
		}
		if err := look(); err != nil {
			return nil, err
		}
		p, err := o.make(r, k)
		if err != nil {
			return nil, err
		}
		packed[i].Pair = pair
		left = append(left, made{i, r.Dir, p})
	}
	if len(left) > 0 {
		if err := o.Check(); err != nil { // also after KML has signed: nothing is written then
			return nil, err
		}
	}
	return written(packed, left)
}

func (o *Packer) make(r Request, k *kmdata.Key) (*transfer.Package, error) {
	return transfer.Make(o.Chain, transfer.Request{
		Copy: k, SubscriptionID: r.SubscriptionID, Certifier: &o.certifier,
		Generator: fmt.Sprintf("%s; %s %s", r.Generator, o.Token.Model, o.Token.Firmware),
	}, o.KML)
}

// written writes the packages of a row, those of a folder at once, and returns
// what is there then.
func written(packed []Packed, left []made) (there []Packed, err error) {
	byFolder := map[string][]*transfer.Package{}
	for _, m := range left {
		byFolder[m.dir] = append(byFolder[m.dir], m.Package)
	}
	for _, dir := range slices.Sorted(maps.Keys(byFolder)) {
		if err = transfer.WriteAll(dir, byFolder[dir]...); err != nil {
			break
		}
		for _, m := range left {
			if m.dir == dir {
				packed[m.at].Paths = m.Paths(dir)
			}
		}
	}
	return slices.DeleteFunc(packed, func(p Packed) bool { return len(p.Paths) == 0 }), err
}

// Complete returns the package that an earlier run has written whole, without
// paths where none has. It refuses what no quorum approved, and a package that is
// another one. It needs no login.
func (r Request) Complete(chain *kmdata.Chain) (Packed, error) {
	k, pair, err := r.approved(chain)
	if err != nil {
		return Packed{}, err
	}
	return r.before(chain, k, pair)
}

// approved finds the newest wrapped copy of the key, under the name asked for.
func (r Request) approved(chain *kmdata.Chain) (*kmdata.Key, statement.Pair, error) {
	copies, err := chain.Copies(r.Ident)
	if err != nil {
		return nil, statement.Pair{}, err
	}
	for i := len(copies) - 1; i >= 0; i-- {
		_, pair, err := ApprovalOf(chain, copies[i])
		if err != nil {
			return nil, pair, err
		}
		if r.means(pair) {
			return copies[i], pair, nil
		}
	}
	what := fmt.Sprintf("no quorum approved %s", kmdata.KeyName(kmdata.Simple, r.Ident))
	if r.Name != "" {
		what += " under the name " + r.Name
	}
	if r.Vault != "" {
		what += " for " + r.Vault
	}
	if r.KEK != (KEK{}) {
		what += " for that KEK package and SecurityWorld package"
	}
	return nil, statement.Pair{}, exitcode.Errorf(exitcode.Usage, "%s", what).
		Hint("byok-offline acl modify --ident %s -k KEKPKG -w SWPKG --card DIR …", r.Ident)
}

// means reports whether the request is of a pair.
func (r Request) means(p statement.Pair) bool {
	named := (r.Name == "" || p.Target.Name == r.Name) && (r.Vault == "" || p.Target.Vault == r.Vault)
	return named && (r.KEK == KEK{} || r.KEK == KEK{p.KEK.Package, p.KEK.WorldPackage})
}

// before takes up a run that was cut short after its files had their names.
func (r Request) before(chain *kmdata.Chain, k *kmdata.Key, pair statement.Pair) (Packed, error) {
	names, err := transfer.Names(pair.Target.Name)
	if err != nil {
		return Packed{}, err
	}
	path := filepath.Join(r.Dir, names.Blob)
	if _, err := os.Lstat(path); err != nil {
		return Packed{}, nil
	}
	if p, err := transfer.ReadPackage(path); err == nil {
		a, err := p.Verify(chain.HKNSO())
		facts := a.Facts()
		if err == nil && facts.Sum == k.Copy.Authorization && facts.Manifest.SubscriptionID == r.SubscriptionID {
			return Packed{Pair: pair, Paths: p.Paths(r.Dir)}, nil
		}
	}
	return Packed{}, exitcode.Errorf(exitcode.Refused, "%s already exists and is never overwritten", path).
		Hint("choose another folder with --out")
}

// ApprovalOf is the authorization of a wrapped copy. The copy's file is KML's;
// the authorization decides.
func ApprovalOf(chain *kmdata.Chain, k *kmdata.Key) (kmdata.Entry, statement.Pair, error) {
	entry, a, err := chain.Authorization(k.Copy.Number)
	if err != nil {
		return entry, statement.Pair{}, err
	}
	if entry.Sum != k.Copy.Authorization || k.Copy.Index < 0 || k.Copy.Index >= len(a.Pairs) ||
		a.Pairs[k.Copy.Index].Ident != k.Ident {
		return entry, statement.Pair{}, exitcode.Errorf(exitcode.Check, "%s does not belong to %v", k.Name(), entry)
	}
	return entry, a.Pairs[k.Copy.Index], nil
}
