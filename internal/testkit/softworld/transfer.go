package softworld

import (
	"cmp"
	"encoding/base64"

	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/statement"
)

// attributes are those of a key on a token that are true.
var attributes = []string{"EXTRACTABLE", "LOCAL", "SENSITIVE", "SIGN", "WRAP_WITH_TRUSTED"}

// Generate appends the origin of a key, quorum, and writes its key file.
func (w *World) Generate(ident string, k Key) (*kmdata.Key, error) {
	return w.GenerateOn(w.Module(), ident, k)
}

// GenerateOn is [World.Generate] on another module.
func (w *World) GenerateOn(module, ident string, k Key) (*kmdata.Key, error) {
	return w.generate(module, ident, k, nil)
}

// GenerateAfter is [World.Generate] for a key that follows another one.
func (w *World) GenerateAfter(old *statement.Replaced, ident string, k Key) (*kmdata.Key, error) {
	return w.generate(w.Module(), ident, k, old)
}

func (w *World) generate(module, ident string, k Key, old *statement.Replaced) (*kmdata.Key, error) {
	file, backup, err := w.KeyFile(module, ident, k)
	if err != nil {
		return nil, err
	}
	origin := &statement.Origin{
		Ident:      ident,
		Identity:   k.Identity,
		Origin:     statement.OriginQuorum,
		Module:     module,
		Attributes: attributes,
		Backup:     fingerprint.Of(backup),
		Replaces:   old,
	}
	if _, err := w.Sign(origin); err != nil {
		return nil, err
	}
	file.Origin, file.Replaces = statement.OriginQuorum, old
	return file, w.Chain.WriteKey(file, w.KML[module])
}

// KeyFile is the file of a key of unproved origin, not yet written, and its
// backup.
func (w *World) KeyFile(module, ident string, k Key) (*kmdata.Key, []byte, error) {
	backup, err := Wrap(&w.Set().KM.PublicKey, k.Plain)
	if err != nil {
		return nil, nil, err
	}
	return &kmdata.Key{
		Signed:      w.Chain.NewSigned(kmdata.TypeKey, module),
		App:         kmdata.Simple,
		Ident:       ident,
		PlainName:   "Key " + ident,
		Identity:    k.Identity,
		Permissions: attributes,
		Origin:      statement.OriginUnproved,
		Backup:      base64.StdEncoding.EncodeToString(backup),
		CardSet:     w.Set().Set.Number,
	}, backup, nil
}

// Request asks to approve one key for one KEK.
type Request struct {
	Ident  string
	Key    Key
	KEK    KEK
	Name   string   // in the vault; "" is the ident
	KeyOps []string // none means all that the key's kind takes
	Change func(*statement.Approval)
}

// NewKEK is a key exchange key of 2048 bits in a vault; its private half is
// the second key of testdata.
func NewKEK(vault string) (KEK, error) {
	private, err := RSA(2048, 2)
	if err != nil {
		return KEK{}, err
	}
	id := kek.ID{Vault: vault, Name: "KEKforBYOK", Version: "664f5aa2797a4075b8e36ca4500636d8"}
	return KEK{id, &private.PublicKey}, id.Check()
}

// Approval is what a quorum approves of a request.
func (w *World) Approval(module string, r Request) (statement.Approval, error) {
	kind, err := r.Key.Kind()
	if err != nil {
		return statement.Approval{}, err
	}
	exchange, err := r.KEK.record()
	if err != nil {
		return statement.Approval{}, err
	}
	ops := r.KeyOps
	if len(ops) == 0 {
		ops = kind.KeyOps()
	}
	a := statement.Approval{
		Ident:     r.Ident,
		PlainName: "Key " + r.Ident,
		Identity:  r.Key.Identity,
		KEK:       exchange,
		Target:    statement.Target{Vault: r.KEK.ID.Vault, Name: cmp.Or(r.Name, r.Ident), KeyOps: ops},
	}
	a.Origin, a.Restored = w.Chain.OriginOf(r.Ident, r.Key.Identity, module)
	if r.Change != nil {
		r.Change(&a)
	}
	return a, nil
}

// record is the KEK as an authorization records it.
func (k KEK) record() (statement.KEK, error) {
	sum, err := keykind.SPKIHash(k.Public)
	return statement.KEK{
		KID:         k.ID,
		Bits:        k.Public.N.BitLen(),
		Exponent:    k.Public.E,
		Fingerprint: sum,
		Attested:    true,
		Attestation: []statement.Rule{{Rule: kek.RuleOps, OK: true, Detail: kek.OpImport}},
		Said: kek.Said{Fingerprint: fingerprint.Whole(sum), KID: k.ID, ImportOnly: true,
			By: "Vera of the vault"},
		Package:      fingerprint.Of([]byte("KEK package")),
		WorldPackage: fingerprint.Of([]byte("SecurityWorld package")),
	}, err
}

// Transfer appends the authorization of requests and writes their wrapped
// copies.
func (w *World) Transfer(list ...Request) ([]*kmdata.Key, error) {
	return w.TransferFrom(w.Module(), list...)
}

// TransferFrom is [World.Transfer] from another module.
func (w *World) TransferFrom(module string, list ...Request) ([]*kmdata.Key, error) {
	a := &statement.Authorization{
		Module: module,
		KML:    w.KML[module].Sum(),
		Guard:  w.Chain.World().Guard,
		List:   fingerprint.Of([]byte("list")),
	}
	var copies []*kmdata.Key
	for i, r := range list {
		wrapped, err := Wrap(r.KEK.Public, r.Key.Plain)
		if err != nil {
			return nil, err
		}
		approval, err := w.Approval(module, r)
		if err != nil {
			return nil, err
		}
		a.Pairs = append(a.Pairs, statement.Pair{Approval: approval, Wrapped: fingerprint.Of(wrapped)})
		copies = append(copies, w.copyFile(module, approval, i, wrapped))
	}
	e, err := w.Sign(a)
	if err != nil {
		return nil, err
	}
	for i, c := range copies {
		c.Copy.Authorization, c.Copy.Number = e.Sum, a.Number
		if c.Copy.Possession, err = list[i].Key.Possess(keykind.PossessionText(keykind.PurposeTransfer, e.Sum)); err != nil {
			return nil, err
		}
		if err := w.Chain.WriteKey(c, w.KML[module]); err != nil {
			return nil, err
		}
	}
	return copies, nil
}

// copyFile is the key file of a wrapped copy, without its authorization.
func (w *World) copyFile(module string, a statement.Approval, pair int, wrapped []byte) *kmdata.Key {
	return &kmdata.Key{
		Signed:      w.Chain.NewSigned(kmdata.TypeKey, module),
		App:         kmdata.Transfer,
		Ident:       a.Ident,
		PlainName:   a.PlainName,
		Identity:    a.Identity,
		Permissions: []string{"EXTRACTABLE", "SENSITIVE", "WRAP_WITH_TRUSTED"},
		Origin:      a.Origin,
		Copy:        &kmdata.Copy{Index: pair, Ciphertext: wrapped},
	}
}
