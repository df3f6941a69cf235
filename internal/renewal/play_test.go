package renewal

import (
	"context"
	"crypto"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/approval"
	"byok/internal/azure"
	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/proof"
	"byok/internal/register"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/testkit/softworld"
	"byok/internal/transfer"
	"byok/internal/vault"
	"byok/internal/worlds"
)

const (
	here  = "https://contoso.vault.azure.net"
	there = "https://fabrikam.vault.azure.net"
)

// fake is the vaults of a test: keys by vault and name, or what each answers.
type fake struct {
	keys    map[string]vault.Key // by vault and name, and by vault, name and version
	fails   map[string]error     // by the same, or by vault
	deleted map[string]vault.Deleted
	lies    bool // it signs with another key
	stop    func()
}

// at is one vault of them.
type at struct {
	*fake
	url string
}

func refusal(status int) error {
	return exitcode.Mark(exitcode.Vault, &azure.Error{Text: "refused", Status: status})
}

func (a at) Key(_ context.Context, name, version string) (vault.Key, error) {
	place := strings.TrimSuffix(a.url+" "+name+" "+version, " ")
	for _, failing := range []string{a.url, place} {
		if err := a.fails[failing]; err != nil {
			return vault.Key{}, err
		}
	}
	if k, found := a.keys[place]; found {
		return k, nil
	}
	return vault.Key{}, refusal(http.StatusNotFound)
}

func (a at) ProveTo(_ context.Context, k vault.Key, e vault.Expected, _ []byte) (proof.Proof, error) {
	if a.lies || e.PublicKey != nil && !keykind.SamePublicKey(e.PublicKey, k.PublicKey) {
		return proof.Proof{}, exitcode.Errorf(exitcode.Check, "key %v is another key", k.ID)
	}
	if a.stop != nil {
		a.stop()
	}
	return proof.New(k.ID, kek.Production, stamp.Now()), nil
}

func (a at) Find(_ context.Context, name string, e vault.Expected) (vault.Key, bool, error) {
	for place, k := range a.keys {
		if strings.HasPrefix(place, a.url+" "+name+" ") && keykind.SamePublicKey(e.PublicKey, k.PublicKey) {
			return k, true, nil
		}
	}
	return vault.Key{}, false, a.fails["find"]
}

func (a at) Copies(_ context.Context, of kek.ID, p vault.Import) (found vault.Copies, err error) {
	for place, k := range a.keys {
		same := p.Expected.PublicKey != nil && keykind.SamePublicKey(p.Expected.PublicKey, k.PublicKey)
		if same && !k.ID.Equal(of) && strings.HasPrefix(place, a.url+" ") && strings.Count(place, " ") == 1 {
			found.Found = append(found.Found, k)
		}
	}
	return found, a.fails["copies"]
}

func (a at) Deleted(_ context.Context, name string) (vault.Deleted, bool, error) {
	d, held := a.deleted[a.url+" "+name]
	return d, held, nil
}

// trusting is a person who vouched for every world but those.
type trusting struct {
	fake    map[string]error
	asked   int
	refused fingerprint.Sum // hknso of cards that were replaced
}

func (w *trusting) Trust(c worlds.Claim, _ string) (worlds.World, error) {
	w.asked++
	if err := w.fake[c.Label]; err != nil {
		return worlds.World{}, err
	}
	if c.Current == w.refused {
		return worlds.World{}, exitcode.Errorf(exitcode.Refused, "its cards were replaced")
	}
	return worlds.World{Label: c.Label, First: c.First, HKNSO: []worlds.Entry{{SHA256: c.Current}}}, nil
}

// play is a world, its packages in a folder, and the vaults.
type play struct {
	*softworld.World
	*fake
	t      *testing.T
	dir    string
	keks   map[string]softworld.KEK
	keys   map[string]softworld.Key
	log    []ceremony.Event
	worlds *trusting
	proofs []string
	old    *statement.Replaced // that what is packed follows; nil for none
}

func begin(t *testing.T) *play {
	t.Helper()
	w, err := softworld.New(filepath.Join(t.TempDir(), "kmdata"), softworld.Options{Label: "Contoso"})
	rig.OK(t, err)
	p := &play{
		World: w, t: t, dir: t.TempDir(), worlds: &trusting{fake: map[string]error{}},
		fake: &fake{
			keys: map[string]vault.Key{}, fails: map[string]error{}, deleted: map[string]vault.Deleted{},
		},
		keks: map[string]softworld.KEK{}, keys: map[string]softworld.Key{},
	}
	for _, url := range []string{here, there} {
		p.keks[url], err = softworld.NewKEK(url)
		rig.OK(t, err)
		p.hold(url, p.keks[url].ID.Name, 9, nil, kek.OpImport)
	}
	return p
}

// hold puts a key into a vault, as the current version.
func (p *play) hold(url, name string, digit int, public crypto.PublicKey, ops ...string) vault.Key {
	k := vault.Key{
		ID:        kek.ID{Vault: url, Name: name, Version: strings.Repeat(string(rune('0'+digit)), 32)},
		PublicKey: public, Ops: ops, Enabled: true,
	}
	p.fake.keys[url+" "+name], p.fake.keys[url+" "+name+" "+k.ID.Version] = k, k
	return k
}

// pack generates the key where there is none, has it approved and packs it.
func (p *play) pack(ident, kind, url, name string) string {
	p.t.Helper()
	if _, made := p.keys[ident]; !made {
		of, err := keykind.Parse(kind)
		rig.OK(p.t, err)
		p.keys[ident], err = softworld.NewKey(of)
		rig.OK(p.t, err)
		_, err = p.GenerateAfter(p.old, ident, p.keys[ident])
		rig.OK(p.t, err)
	}
	copies, err := p.Transfer(softworld.Request{
		Ident: ident, Key: p.keys[ident], KEK: p.keks[url], Name: name,
		Change: func(a *statement.Approval) { a.Replaces = p.old },
	})
	rig.OK(p.t, err)
	made, err := transfer.Make(p.Chain, transfer.Request{
		Copy: copies[0], SubscriptionID: "00000000-0000-0000-0000-000000000000", Generator: "test",
	}, p.KML[p.Module()])
	rig.OK(p.t, err)
	folder := filepath.Join(p.dir, copies[0].Name())
	rig.OK(p.t, os.MkdirAll(folder, 0o755))
	paths, err := made.Write(folder)
	rig.OK(p.t, err)
	return paths[0]
}

// uploaded puts the key of a package into its vault, as the approval has it.
func (p *play) uploaded(ident, url, name string, digit int) vault.Key {
	ops := []string{"sign", "verify"}
	if p.keys[ident].Public() == nil {
		ops = []string{"encrypt", "decrypt", "wrapKey", "unwrapKey"}
	}
	return p.hold(url, name, digit, p.keys[ident].Public(), ops...)
}

func (p *play) collect() *Collection {
	p.t.Helper()
	files, err := register.Find([]string{p.dir})
	rig.OK(p.t, err)
	c, err := Gather(files, p.log, p.worlds)
	rig.OK(p.t, err)
	return c
}

func (p *play) renew(ctx context.Context, change ...func(*Renewer)) Outcome {
	p.t.Helper()
	r := Renewer{
		Open: func(a approval.Package) (Vault, error) {
			if err := p.fails["open "+a.Approved().Vault]; err != nil {
				return nil, err
			}
			return at{p.fake, a.Approved().Vault}, nil
		},
		Write: func(file string, answer proof.Proof) (string, error) {
			p.proofs = append(p.proofs, filepath.Base(file))
			return ProofName(filepath.Base(file), answer), p.fails["write"]
		},
		Say: func(Entry) {},
	}
	for _, c := range change {
		c(&r)
	}
	return r.Renew(ctx, p.collect())
}

// lines are the entries in words, one a line.
func lines(o Outcome) string {
	var all []string
	for _, e := range o.Entries {
		all = append(all, e.Name()+": "+string(e.Result)+": "+e.Detail)
	}
	return strings.Join(all, "\n")
}

// exchanges are the KEKs in words.
func exchanges(o Outcome) string {
	var all []string
	for _, k := range o.KEKs {
		all = append(all, kek.HostOf(k.KID.Vault)+" "+string(k.State)+": "+k.Detail)
	}
	return strings.Join(all, "\n")
}
