package audit

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"byok/internal/acceptance"
	"byok/internal/attest"
	"byok/internal/bundle"
	"byok/internal/durable"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/proof"
	"byok/internal/statement"
	"byok/internal/toolset"
	"byok/internal/transfer"
)

// packages checks every package and its proofs, and the KEK of every
// authorization.
func (a *auditing) packages() {
	if a.record.Chain == nil {
		return
	}
	a.keks()
	blobs, err := filepath.Glob(filepath.Join(a.path(bundle.Packages), "*", "*.byok"))
	if err != nil || len(blobs) == 0 {
		return
	}
	for _, blob := range blobs {
		a.transfer(blob)
	}
}

// transfer checks a package under the world's hknso, and its proofs.
func (a *auditing) transfer(blob string) {
	name := strings.TrimSuffix(filepath.Base(blob), ".byok")
	p, err := transfer.ReadPackage(blob)
	if !a.say(err, "%s is a package", name) {
		return
	}
	approved, err := p.Verify(a.record.Chain.FirstHKNSO())
	if !a.say(err, "%s was approved by the quorum and packaged by its module", name) {
		return
	}
	a.say(a.inChain(approved.Facts()), "the approval of %s is in this world's statements", name)
	proofs, err := filepath.Glob(strings.TrimSuffix(blob, ".byok") + ".proof-*.json")
	if err == nil && len(proofs) == 0 {
		err = errors.New("no proof of the vault's is here: upload the package, and byok-online verify")
	}
	if err != nil {
		a.say(err, "a vault has proved that it holds %s", name)
	}
	for _, path := range proofs {
		a.say(a.proved(path, approved.Facts()), "%s: the vault proved that it holds the key", filepath.Base(path))
	}
}

// inChain holds the authorization of a package to the one of its number.
func (a *auditing) inChain(f transfer.Facts) error {
	entry, _, err := a.record.Chain.Authorization(f.Authorization.Number)
	if err != nil {
		return err
	}
	if entry.Sum != f.Sum {
		return fmt.Errorf("statement %d of the world is another one", f.Authorization.Number)
	}
	return nil
}

// proved checks a proof again, as far as that is possible without the vault.
func (a *auditing) proved(path string, f transfer.Facts) error {
	data, err := durable.ReadFile(path, bundle.MaxFile)
	if err != nil {
		return err
	}
	p, err := proof.Parse(filepath.Base(path), data)
	if err != nil {
		return err
	}
	if !p.Signed() {
		a.report.People = append(a.report.People,
			fmt.Sprintf("%s is the program's word: such a key signs nothing", filepath.Base(path)))
	}
	return p.Check(f.Pair, f.Sum)
}

// keks judges the KEK of every pair of every authorization, as of its time, with
// what the vault's owner said then.
func (a *auditing) keks() {
	pairs, err := a.toolsets()
	if !a.say(err, "the toolsets can be read") {
		return
	}
	for _, e := range a.record.Chain.Entries() {
		auth, ok := e.Statement.(*statement.Authorization)
		if !ok {
			continue
		}
		for _, p := range auth.Pairs {
			a.kek(e.Number(), auth.Time, p.KEK, pairs)
		}
	}
}

// kek judges the KEK of a pair.
func (a *auditing) kek(number int, at time.Time, k statement.KEK, pairs map[fingerprint.Sum]toolset.Pair) {
	what := fmt.Sprintf("statement %d: the KEK %s keeps every rule", number, k.KID)
	pair, found := pairs[k.Package]
	if !found {
		a.say(errors.New("its packages are not in the bundle"), "%s", what)
		return
	}
	policy, err := acceptance.Policy(a.record.Chain, &k.Said, at)
	if err == nil {
		var result attest.Result
		result, err = attest.Check(pair, policy)
		err = errors.Join(err, sameKEK(result, k))
	}
	a.say(err, "%s", what)
	a.report.People = append(a.report.People,
		fmt.Sprintf("%s said of %s that its fingerprint begins with %s", k.Said.By, k.KID, k.Said.Fingerprint))
}

// sameKEK holds what was judged again to what the quorum approved.
func sameKEK(r attest.Result, k statement.KEK) error {
	if r.KEK == nil {
		return nil // the check has said why
	}
	sum, err := keykind.SPKIHash(r.KEK.PublicKey())
	if err != nil {
		return err
	}
	if sum != k.Fingerprint || !r.KEK.ID().Equal(k.KID) || r.KEK.Attested() != k.Attested {
		return errors.New("the packages hold another KEK than the one that was approved")
	}
	return nil
}

// toolsets reads the toolsets, by the hash of the KEK package.
func (a *auditing) toolsets() (map[fingerprint.Sum]toolset.Pair, error) {
	pairs := map[fingerprint.Sum]toolset.Pair{}
	paths, err := filepath.Glob(filepath.Join(a.path(bundle.Toolset), "BYOK-KEK-pkg-*"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		name := strings.Replace(filepath.Base(path), "BYOK-KEK-", "BYOK-SecurityWorld-", 1)
		world := filepath.Join(filepath.Dir(path), name)
		kekFile, err := readFile(path)
		if err != nil {
			return nil, err
		}
		worldFile, err := readFile(world)
		if err != nil {
			return nil, err
		}
		if pairs[fingerprint.Of(kekFile.Data)], err = toolset.ParsePair(kekFile, worldFile); err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

func readFile(path string) (toolset.File, error) {
	data, err := durable.ReadFile(path, toolset.MaxPackage)
	return toolset.File{Name: filepath.Base(path), Data: data}, err
}
