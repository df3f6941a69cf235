package keys

import (
	"fmt"
	"os"
	"path/filepath"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/transfer"
)

// PackRequest asks for the transfer package of a key that a quorum approved.
type PackRequest struct {
	Ident          string
	Name           string // in the vault; "" takes the newest approval of the key
	KEK            Packages
	Vault          string // URL of the vault it was approved for; "" for any
	SubscriptionID string
	Dir            string // where the package goes
	Generator      string // tool and version
}

// Packages are the two packages of the KEK for which a key was approved, by the
// SHA-256 of their files; zero for any.
type Packages struct{ KEK, World fingerprint.Sum }

// Packed is a transfer package as it was written.
type Packed struct {
	Pair  statement.Pair
	Paths []string // the .byok first
}

// packer packs on a module with the user logged in.
type packer struct {
	chain  *kmdata.Chain
	token  hsm.Token
	signer kmdata.Signer // KML
	check  func() error  // of the token's trusted objects
}

// Package writes the transfer package of a wrapped copy. It wraps nothing, and
// uses no key except KML, which signs the manifest.
func (o Operator) Package(r PackRequest) (Packed, error) {
	return packer{o.Chain, o.Token, o, o.ExactlyTrusted}.pack(r)
}

func (o packer) pack(r PackRequest) (Packed, error) {
	k, pair, err := r.approved(o.chain)
	if err != nil {
		return Packed{}, err
	}
	if done, err := r.before(o.chain, k, pair); err != nil || len(done.Paths) > 0 {
		return done, err
	}
	if err := o.check(); err != nil {
		return Packed{}, err
	}
	made, err := transfer.Make(o.chain, transfer.Request{
		Copy: k, SubscriptionID: r.SubscriptionID,
		Generator: fmt.Sprintf("%s; %s %s", r.Generator, o.token.Model, o.token.Firmware),
	}, o.signer)
	if err != nil {
		return Packed{}, err
	}
	if err := o.check(); err != nil { // also after KML has signed: nothing is written then
		return Packed{}, err
	}
	paths, err := made.Write(r.Dir)
	return Packed{Pair: pair, Paths: paths}, err
}

// Complete returns the package that an earlier run has written whole, without
// paths where none has. It refuses what no quorum approved, and a package that is
// another one. It needs no login.
func (r PackRequest) Complete(chain *kmdata.Chain) (Packed, error) {
	k, pair, err := r.approved(chain)
	if err != nil {
		return Packed{}, err
	}
	return r.before(chain, k, pair)
}

// approved finds the newest wrapped copy of the key, under the name asked for.
func (r PackRequest) approved(chain *kmdata.Chain) (*kmdata.Key, statement.Pair, error) {
	copies, err := chain.Copies(r.Ident)
	if err != nil {
		return nil, statement.Pair{}, err
	}
	for i := len(copies) - 1; i >= 0; i-- {
		pair, err := pairOf(chain, copies[i])
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
	if r.KEK != (Packages{}) {
		what += " for that KEK package and SecurityWorld package"
	}
	return nil, statement.Pair{}, exitcode.Errorf(exitcode.Usage, "%s", what).
		Hint("byok-offline acl modify --ident %s -k KEKPKG -w SWPKG --card DIR …", r.Ident)
}

// means reports whether the request is of a pair.
func (r PackRequest) means(p statement.Pair) bool {
	named := (r.Name == "" || p.Target.Name == r.Name) && (r.Vault == "" || p.Target.Vault == r.Vault)
	return named && (r.KEK == Packages{} || r.KEK == Packages{p.KEK.Package, p.KEK.WorldPackage})
}

// before takes up a run that was cut short after its files had their names.
func (r PackRequest) before(chain *kmdata.Chain, k *kmdata.Key, pair statement.Pair) (Packed, error) {
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
