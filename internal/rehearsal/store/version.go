package store

import (
	"byok/internal/rehearsal/softkey"
	"byok/internal/rehearsal/wire"
	"errors"
	"slices"
	"time"
)

// Version is one version of a key. A version in the store is never changed
// in place: what holds a copy may keep it.
type Version struct {
	Version    string              `json:"version"` // 32 lower-case hex digits
	Type       string              `json:"kty"`     // RSA-HSM, EC-HSM, oct-HSM
	Curve      string              `json:"crv,omitzero"`
	Private    []byte              `json:"private"` // see softkey.Decode
	Ops        []string            `json:"key_ops"`
	Imported   bool                `json:"imported"` // not generated here
	Enabled    bool                `json:"enabled"`
	Exportable bool                `json:"exportable"`
	Policy     *wire.ReleasePolicy `json:"release_policy,omitzero"`
	NotBefore  time.Time           `json:"not_before,omitzero"`
	Expires    time.Time           `json:"expires,omitzero"`
	Created    time.Time           `json:"created"`
	Updated    time.Time           `json:"updated"`
	Tags       map[string]string   `json:"tags,omitzero"`

	Material softkey.Material `json:"-"` // decoded from Private
}

// EnabledFor refuses a disabled key.
func (k Version) EnabledFor(op string) error {
	if k.Enabled {
		return nil
	}
	return wire.Forbidden("KeyDisabled", "Operation %s is not allowed on a disabled key.", op)
}

// AllowedFor refuses what the key's state, key_ops or dates do not allow.
// Outside its dates a key still opens what it closed before.
func (k Version) AllowedFor(op string) error {
	if err := k.EnabledFor(op); err != nil {
		return err
	}
	if !slices.Contains(k.Ops, op) {
		return wire.Forbidden("KeyOperationForbidden", "Operation %s is not permitted on this key.", op)
	}
	if op == "decrypt" || op == "unwrapKey" || op == "verify" {
		return nil
	}
	at := time.Now()
	switch {
	case !k.NotBefore.IsZero() && at.Before(k.NotBefore):
		return wire.Forbidden("KeyNotYetValid", "Operation %s is not allowed on a key that is not yet valid.", op)
	case !k.Expires.IsZero() && !at.Before(k.Expires):
		return wire.Forbidden("KeyExpired", "Operation %s is not allowed on an expired key.", op)
	}
	return nil
}

// Exchanges reports whether k is a key exchange key.
func (k Version) Exchanges() bool { return len(k.Ops) == 1 && k.Ops[0] == "import" }

// Schedule applies enabled, nbf and exp, as far as they are given.
func (k *Version) Schedule(a wire.Attributes) error {
	if a.Enabled != nil {
		k.Enabled = *a.Enabled
	}
	if a.NotBefore != nil {
		k.NotBefore = wire.Moment(a.NotBefore)
	}
	if a.Expires != nil {
		k.Expires = wire.Moment(a.Expires)
	}
	if !k.NotBefore.IsZero() && !k.Expires.IsZero() && !k.NotBefore.Before(k.Expires) {
		return wire.BadParameter("The expiry date must be after the activation date") // our text
	}
	return nil
}

// decode makes a version that was read usable, or fails if it is none that
// create or import would have stored.
func (k *Version) decode() (err error) {
	if k.Material, err = softkey.Decode(k.Type, k.Curve, k.Private); err != nil {
		return err
	}
	if _, err := softkey.CheckOps(k.Type, k.Ops, true); err != nil {
		return err
	}
	if k.Exportable != (k.Policy != nil) {
		return errors.New("exportable and release_policy contradict each other")
	}
	return nil
}
