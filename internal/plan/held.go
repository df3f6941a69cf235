package plan

import (
	"path/filepath"
	"strings"
	"time"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/printable"
	"byok/internal/statement"
)

// Held reads the plan that a ceremony is held by, and its SHA-256. One in which
// something cannot be is refused with status Check; that its day is past is no
// finding, since a ceremony can go on later.
func Held(file string) (*Plan, fingerprint.Sum, error) {
	data, err := durable.ReadFile(file, MaxFile)
	if err != nil {
		return nil, fingerprint.Sum{}, exitcode.Mark(exitcode.Usage, err)
	}
	p, err := Parse(file, data)
	if err != nil {
		return nil, fingerprint.Sum{}, err
	}
	if found := p.CheckHeld(time.Now()); len(found) > 0 {
		return nil, fingerprint.Sum{}, exitcode.Errorf(exitcode.Check, "%s: %s; the first: %s", file,
			printable.Count(len(found), "finding"), found[0]).
			Hint("byok-offline ceremony check %s", printable.Quote(file))
	}
	return p, fingerprint.Of(data), nil
}

// Pair is a key, and a vault that it goes to.
type Pair struct {
	Key   Key
	Vault Vault
	// Folder is the stick's folder for the package: the vault's own, or, where an
	// earlier key of that name has its package there, one for this key.
	Folder string
}

// Pairs lists each key with each vault that it goes to, in the plan's order.
func (p *Plan) Pairs() (list []Pair) {
	vaults := make(map[string]Vault, len(p.Vaults))
	for _, v := range p.Vaults {
		vaults[v.Name] = v
	}
	taken := map[string]bool{} // by the path of a package, as a stick's file system compares it
	for _, k := range p.Keys {
		for _, name := range k.Vaults {
			folder := filepath.Join(p.Stick, name)
			file := strings.ToLower(filepath.Join(folder, k.Called()))
			if taken[file] {
				folder += "-" + k.Ident
			}
			taken[file] = true
			list = append(list, Pair{k, vaults[name], folder})
		}
	}
	return list
}

// Alone reports whether the cards hold the user PIN under the guard that is asked
// for, so that no one works without them: a session of the quorum then does all that
// brings keys to vaults.
func (p *Plan) Alone() bool {
	return !p.HSM.RightsPerLogin && statement.Guard(p.HSM.Guard).Traits().Alone()
}
