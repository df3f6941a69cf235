package rehearsal

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"

	"byok/internal/keykind"
	"byok/internal/rehearsal/softkey"
	"byok/internal/rehearsal/store"
	"byok/internal/rehearsal/wire"
	"byok/internal/stamp"
)

// create makes a key in the vault: POST /keys/{name}/create.
func (v *vault) create(c *call) (any, error) {
	var in wire.CreateRequest
	if err := c.into(&in); err != nil {
		return nil, err
	}
	keyType, err := v.keyType(in.Type)
	if err != nil {
		return nil, err
	}
	ops, err := softkey.CheckOps(keyType, in.Ops, true)
	if err != nil {
		return nil, err
	}
	if in.PublicExponent != nil && *in.PublicExponent != 65537 {
		return nil, wire.BadParameter("Invalid public_exponent: %d. The vault makes RSA keys with 65537",
			*in.PublicExponent) // our text
	}
	key := store.Version{Type: keyType, Ops: ops, Tags: in.Tags}
	if err := v.apply(&key, in.Attributes, in.Policy); err != nil {
		return nil, err
	}
	bits := 0
	if in.Size != nil {
		bits = *in.Size
	}
	m, err := softkey.Generate(keyType, in.Curve, bits)
	if err != nil {
		return nil, err
	}
	return v.keep(c.name, key, m)
}

// keep stores m as a version under name, with what key says about it.
func (v *vault) keep(name string, key store.Version, m softkey.Material) (any, error) {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, see crypto/rand
	var public wire.Key
	m.Describe(&public)
	key.Version, key.Curve, key.Private, key.Material = hex.EncodeToString(id[:]), public.Curve, m.Private(), m
	key.Created = stamp.Now()
	key.Updated = key.Created
	r, err := v.keys.Add(name, key)
	if err != nil {
		return nil, err
	}
	return v.bundle(r.Name, key), nil
}

// keyType reads kty. Managed HSM keeps every key in the HSM, whether or not
// -HSM is asked for; a Premium vault would keep such a key in software, which
// has no place in a rehearsal, and knows no AES keys. The texts are ours.
func (v *vault) keyType(asked string) (string, error) {
	hsm := strings.TrimSuffix(asked, "-HSM") + "-HSM"
	switch {
	case hsm != keykind.RSAHSM && hsm != keykind.ECHSM && hsm != keykind.OctHSM:
		return "", wire.InvalidKey().Because(fmt.Errorf("no key type %q", asked))
	case v.service == Vault && hsm == keykind.OctHSM:
		return "", wire.BadParameter("Key type %s is not supported by a vault, only by a Managed HSM", asked)
	case v.service == Vault && hsm != asked:
		return "", wire.BadParameter("Key type %s is a software key, which the rehearsal vault does not keep", asked)
	}
	return hsm, nil
}

// apply fills in attributes and release policy of a new version.
func (v *vault) apply(key *store.Version, a wire.Attributes, policy *wire.ReleasePolicy) error {
	key.Enabled = true
	key.Exportable = a.Exportable != nil && *a.Exportable
	switch {
	case key.Exportable && policy == nil:
		return v.policyFailure("1004", "Exportable keys must have release policy.")
	case !key.Exportable && policy != nil:
		return v.policyFailure("1005", "Non-exportable keys must not have release policy.")
	}
	key.Policy = policy
	return key.Schedule(a)
}

// policyFailure is numbered by Key Vault and plain on Managed HSM.
func (v *vault) policyFailure(number, text string) error {
	if v.service == ManagedHSM {
		return wire.BadParameter("%s", strings.TrimSuffix(text, "."))
	}
	return wire.BadParameter("AKV.SKR.%s: %s", number, text)
}

// get returns a version: GET /keys/{name}/{version}.
func (v *vault) get(c *call) (any, error) {
	name, key, err := v.version(c)
	if err != nil {
		return nil, err
	}
	if err := key.EnabledFor("get"); err != nil {
		return nil, err
	}
	return v.bundle(name, key), nil
}

// version finds what the request names, with the name as it was stored.
func (v *vault) version(c *call) (string, store.Version, error) {
	r, err := v.keys.Live(c.name)
	if err != nil {
		return "", store.Version{}, err
	}
	key, err := r.Find(c.version)
	return r.Name, key, err
}

// update changes attributes, key_ops, tags: PATCH /keys/{name}/{version}.
func (v *vault) update(c *call) (any, error) {
	var in wire.UpdateRequest
	if err := c.into(&in); err != nil {
		return nil, err
	}
	r, key, err := v.keys.Change(c.name, c.version, func(k *store.Version) error { return v.amend(k, in) })
	if err != nil {
		return nil, err
	}
	return v.bundle(r.Name, key), nil
}

func (v *vault) amend(k *store.Version, in wire.UpdateRequest) error {
	if a := in.Attributes.Exportable; a != nil && *a != k.Exportable {
		return v.policyFailure("1014", "Cannot modify the exportable state of a key.")
	}
	if in.Policy != nil {
		if !k.Exportable {
			return v.policyFailure("1005", "Non-exportable keys must not have release policy.")
		}
		if k.Policy.Immutable {
			return v.policyFailure("1020", "Immutable Key Release Policy cannot be modified.")
		}
		k.Policy = in.Policy
	}
	if in.Ops != nil {
		ops, err := softkey.CheckOps(k.Type, in.Ops, k.Exchanges())
		if err != nil {
			return err
		}
		if k.Exchanges() && ops[0] != "import" {
			return wire.UnsupportedOperations().Because(errors.New("a key exchange key's key_ops are fixed"))
		}
		k.Ops = ops
	}
	if in.Tags != nil {
		k.Tags = maps.Clone(in.Tags)
	}
	k.Updated = stamp.Now()
	return k.Schedule(in.Attributes)
}

// delete makes a key recoverable: DELETE /keys/{name}.
func (v *vault) delete(c *call) (any, error) {
	return v.deletedBundle(v.keys.Delete(c.name))
}

// getDeleted shows a deleted key: GET /deletedkeys/{name}.
func (v *vault) getDeleted(c *call) (any, error) {
	return v.deletedBundle(v.keys.Deleted(c.name))
}

func (v *vault) deletedBundle(r store.Record, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	b := v.bundle(r.Name, r.Current())
	b.Deletion = v.deletion(r)
	return b, nil
}

// recover brings a deleted key back: POST /deletedkeys/{name}/recover.
func (v *vault) recover(c *call) (any, error) {
	r, err := v.keys.Recover(c.name)
	if err != nil {
		return nil, err
	}
	return v.bundle(r.Name, r.Current()), nil
}

// purge destroys a deleted key: DELETE /deletedkeys/{name}.
func (v *vault) purge(c *call) (any, error) { return nil, v.keys.Purge(c.name) }
