package rehearsal

import (
	"encoding/json"
	"net/http"

	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/rehearsal/softkey"
	"byok/internal/rehearsal/store"
	"byok/internal/rehearsal/wire"
)

// storeAnother imports a key and keeps another of the same type and size.
func storeAnother(v *vault, w http.ResponseWriter, r *http.Request, next http.Handler) {
	v.alter(w, r, next, func(b *wire.Bundle, id kek.ID, other softkey.Material) error {
		_, changed, err := v.keys.Change(id.Name, id.Version, func(k *store.Version) error {
			k.Material, k.Private = other, other.Private()
			return nil
		})
		*b = v.bundle(id.Name, changed)
		return err
	})
}

// showAnother answers with the public half of another key. AES keys have none.
func showAnother(v *vault, w http.ResponseWriter, r *http.Request, next http.Handler) {
	v.alter(w, r, next, func(b *wire.Bundle, _ kek.ID, other softkey.Material) error {
		other.Describe(&b.Key)
		return nil
	})
}

// alter changes a good answer about a key version, with another key at hand.
func (v *vault) alter(w http.ResponseWriter, r *http.Request, next http.Handler,
	change func(*wire.Bundle, kek.ID, softkey.Material) error) {
	a := serve(w, r, next)
	if a.status != http.StatusOK {
		a.send(w)
		return
	}
	var b wire.Bundle
	k, id, err := v.answered(a, &b)
	if err == nil {
		var other softkey.Material
		if other, err = another(k); err == nil {
			err = change(&b, id, other)
		}
	}
	if err != nil {
		v.refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, b)
}

// answered decodes an answer about a key version, and finds that version.
func (v *vault) answered(a *held, b *wire.Bundle) (k store.Version, id kek.ID, err error) {
	if err = json.Unmarshal(a.body.Bytes(), b); err != nil {
		return k, id, err
	}
	if id, err = kek.ParseID(b.Key.KID); err != nil {
		return k, id, err
	}
	_, k, err = v.version(&call{name: id.Name, version: id.Version})
	return k, id, err
}

// another makes a key of the same type, curve and size.
func another(k store.Version) (softkey.Material, error) {
	var public wire.Key
	k.Material.Describe(&public)
	bits := 8 * len(public.N)
	if k.Type == keykind.OctHSM {
		bits = 8 * len(k.Material.Private())
	}
	return softkey.Generate(k.Type, k.Curve, bits)
}

// useAnother spoils a result as another key would: a signature that does not
// verify, a ciphertext that does not open, a plaintext that is none.
func useAnother(_ *vault, w http.ResponseWriter, r *http.Request, next http.Handler) {
	a := serve(w, r, next)
	var result wire.Result
	if a.status != http.StatusOK || json.Unmarshal(a.body.Bytes(), &result) != nil || len(result.Value) == 0 {
		a.send(w)
		return
	}
	result.Value[len(result.Value)-1] ^= 1
	writeJSON(w, http.StatusOK, result)
}
