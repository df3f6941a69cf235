package rehearsal

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"byok/internal/keykind"
)

// create makes a key in the vault: POST /keys/{name}/create.
func (v *vault) create(c *call) (any, error) {
	var in createRequest
	if err := c.into(&in); err != nil {
		return nil, err
	}
	keyType, err := v.keyType(in.Type)
	if err != nil {
		return nil, err
	}
	ops, err := checkOps(keyType, in.Ops, true)
	if err != nil {
		return nil, err
	}
	if in.PublicExponent != nil && *in.PublicExponent != 65537 {
		return nil, badParameter("Invalid public_exponent: %d. The vault makes RSA keys with 65537",
			*in.PublicExponent) // our text
	}
	key := keyVersion{Type: keyType, Ops: ops, Tags: in.Tags}
	if err := v.apply(&key, in.Attributes, in.Policy); err != nil {
		return nil, err
	}
	bits := 0
	if in.Size != nil {
		bits = *in.Size
	}
	m, err := generate(keyType, in.Curve, bits)
	if err != nil {
		return nil, err
	}
	return v.keep(c.name, key, m)
}

// keep stores m as a version under name, with what key says about it.
func (v *vault) keep(name string, key keyVersion, m material) (any, error) {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, see crypto/rand
	var public jsonWebKey
	m.describe(&public)
	key.Version, key.Curve, key.Private, key.material = hex.EncodeToString(id[:]), public.Curve, m.private(), m
	key.Created = now()
	key.Updated = key.Created
	r, err := v.keys.add(name, key)
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
		return "", invalidKey().because(fmt.Errorf("no key type %q", asked))
	case v.service == Vault && hsm == keykind.OctHSM:
		return "", badParameter("Key type %s is not supported by a vault, only by a Managed HSM", asked)
	case v.service == Vault && hsm != asked:
		return "", badParameter("Key type %s is a software key, which the rehearsal vault does not keep", asked)
	}
	return hsm, nil
}

// apply fills in attributes and release policy of a new version.
func (v *vault) apply(key *keyVersion, a attributes, policy *releasePolicy) error {
	key.Enabled = true
	key.Exportable = a.Exportable != nil && *a.Exportable
	switch {
	case key.Exportable && policy == nil:
		return v.policyFailure("1004", "Exportable keys must have release policy.")
	case !key.Exportable && policy != nil:
		return v.policyFailure("1005", "Non-exportable keys must not have release policy.")
	}
	key.Policy = policy
	return key.schedule(a)
}

// policyFailure is numbered by Key Vault and plain on Managed HSM.
func (v *vault) policyFailure(number, text string) error {
	if v.service == ManagedHSM {
		return badParameter("%s", strings.TrimSuffix(text, "."))
	}
	return badParameter("AKV.SKR.%s: %s", number, text)
}

// schedule applies enabled, nbf and exp, as far as they are given.
func (k *keyVersion) schedule(a attributes) error {
	if a.Enabled != nil {
		k.Enabled = *a.Enabled
	}
	if a.NotBefore != nil {
		k.NotBefore = moment(a.NotBefore)
	}
	if a.Expires != nil {
		k.Expires = moment(a.Expires)
	}
	if !k.NotBefore.IsZero() && !k.Expires.IsZero() && !k.NotBefore.Before(k.Expires) {
		return badParameter("The expiry date must be after the activation date") // our text
	}
	return nil
}

// get returns a version: GET /keys/{name}/{version}.
func (v *vault) get(c *call) (any, error) {
	name, key, err := v.version(c)
	if err != nil {
		return nil, err
	}
	if err := key.enabledFor("get"); err != nil {
		return nil, err
	}
	return v.bundle(name, key), nil
}

// version finds what the request names, with the name as it was stored.
func (v *vault) version(c *call) (string, keyVersion, error) {
	r, err := v.keys.live(c.name)
	if err != nil {
		return "", keyVersion{}, err
	}
	key, err := r.find(c.version)
	return r.Name, key, err
}

// enabledFor refuses a disabled key.
func (k keyVersion) enabledFor(op string) error {
	if k.Enabled {
		return nil
	}
	return forbidden("KeyDisabled", "Operation %s is not allowed on a disabled key.", op)
}

// allowedFor refuses what the key's state, key_ops or dates do not allow.
// Outside its dates a key still opens what it closed before.
func (k keyVersion) allowedFor(op string) error {
	if err := k.enabledFor(op); err != nil {
		return err
	}
	if !slices.Contains(k.Ops, op) {
		return forbidden("KeyOperationForbidden", "Operation %s is not permitted on this key.", op)
	}
	if op == "decrypt" || op == "unwrapKey" || op == "verify" {
		return nil
	}
	at := time.Now()
	switch {
	case !k.NotBefore.IsZero() && at.Before(k.NotBefore):
		return forbidden("KeyNotYetValid", "Operation %s is not allowed on a key that is not yet valid.", op)
	case !k.Expires.IsZero() && !at.Before(k.Expires):
		return forbidden("KeyExpired", "Operation %s is not allowed on an expired key.", op)
	}
	return nil
}

// update changes attributes, key_ops, tags: PATCH /keys/{name}/{version}.
func (v *vault) update(c *call) (any, error) {
	var in updateRequest
	if err := c.into(&in); err != nil {
		return nil, err
	}
	r, key, err := v.keys.change(c.name, c.version, func(k *keyVersion) error { return v.amend(k, in) })
	if err != nil {
		return nil, err
	}
	return v.bundle(r.Name, key), nil
}

func (v *vault) amend(k *keyVersion, in updateRequest) error {
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
		ops, err := checkOps(k.Type, in.Ops, k.exchanges())
		if err != nil {
			return err
		}
		if k.exchanges() && ops[0] != "import" {
			return unsupportedOperations().because(fmt.Errorf("a key exchange key's key_ops are fixed"))
		}
		k.Ops = ops
	}
	if in.Tags != nil {
		k.Tags = maps.Clone(in.Tags)
	}
	k.Updated = now()
	return k.schedule(in.Attributes)
}

// exchanges reports whether k is a key exchange key.
func (k keyVersion) exchanges() bool { return len(k.Ops) == 1 && k.Ops[0] == "import" }

// delete makes a key recoverable: DELETE /keys/{name}.
func (v *vault) delete(c *call) (any, error) {
	return v.deletedBundle(v.keys.delete(c.name))
}

// getDeleted shows a deleted key: GET /deletedkeys/{name}.
func (v *vault) getDeleted(c *call) (any, error) {
	return v.deletedBundle(v.keys.deleted(c.name))
}

func (v *vault) deletedBundle(r record, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	b := v.bundle(r.Name, r.current())
	b.deletion = v.deletion(r)
	return b, nil
}

// recover brings a deleted key back: POST /deletedkeys/{name}/recover.
func (v *vault) recover(c *call) (any, error) {
	r, err := v.keys.recover(c.name)
	if err != nil {
		return nil, err
	}
	return v.bundle(r.Name, r.current()), nil
}

// purge destroys a deleted key: DELETE /deletedkeys/{name}.
func (v *vault) purge(c *call) (any, error) { return nil, v.keys.purge(c.name) }
