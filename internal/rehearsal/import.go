package rehearsal

import (
	"crypto"
	"errors"
	"fmt"
	"strings"

	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/keywrap"
	"byok/internal/rehearsal/softkey"
	"byok/internal/rehearsal/store"
	"byok/internal/rehearsal/wire"
	"byok/internal/transfer"
)

// importKey takes a transfer blob: PUT /keys/{name}. The service answers many
// causes with one text; the log has the cause.
func (v *vault) importKey(c *call) (any, error) {
	var in wire.ImportRequest
	if err := c.into(&in); err != nil {
		return nil, wire.InvalidKey().Because(err)
	}
	keyType, err := v.keyType(in.Key.Type)
	if err != nil {
		return nil, err
	}
	ops, err := softkey.CheckOps(keyType, in.Key.Ops, false)
	if err != nil {
		return nil, err
	}
	key := store.Version{Type: keyType, Ops: ops, Tags: in.Tags, Imported: true}
	if err := v.apply(&key, in.Attributes, in.Policy); err != nil {
		return nil, err
	}
	m, err := v.unwrapTarget(in.Key, keyType)
	if err != nil {
		return nil, err
	}
	return v.keep(c.name, key, m)
}

// unwrapTarget opens key_hsm and checks that it holds what kty and crv say.
func (v *vault) unwrapTarget(key wire.Key, keyType string) (softkey.Material, error) {
	if len(key.KeyHSM) == 0 || (key.Curve == "") != (keyType != keykind.ECHSM) {
		return nil, wire.InvalidKey().Because(errors.New("key_hsm, or crv for EC and only there, is missing"))
	}
	blob, err := transfer.ParseBlob("key_hsm", key.KeyHSM)
	if err != nil {
		return nil, wire.InvalidKey().Because(err)
	}
	exchange, err := v.exchangeKey(blob.KEK)
	if err != nil {
		return nil, err
	}
	m, err := openBlob(exchange, blob, keyType)
	if err == nil {
		err = holds(m, keyType, key.Curve)
	}
	if err != nil {
		return nil, wire.BadParameter("%s key is not valid - cannot instantiate crypto service",
			strings.TrimSuffix(keyType, "-HSM")).Because(err)
	}
	return m, nil
}

// exchangeKey finds the KEK a blob names. It must be of this vault, by its
// whole identifier, and usable for import now.
func (v *vault) exchangeKey(id kek.ID) (softkey.RSA, error) {
	if own, err := kek.ParseID(v.kid(id.Name, id.Version)); err != nil || !own.Equal(id) {
		return softkey.RSA{}, wire.BadParameter("The key exchange key %s is not in this vault", id) // our text
	}
	r, err := v.keys.Live(id.Name)
	if err != nil {
		return softkey.RSA{}, wire.NotFound(id.Name, id.Version)
	}
	key, err := r.Find(id.Version)
	if err != nil {
		return softkey.RSA{}, err
	}
	if err := key.AllowedFor(kek.OpImport); err != nil {
		return softkey.RSA{}, err
	}
	exchange, isRSA := key.Material.(softkey.RSA)
	if !isRSA { // which softkey.CheckOps refuses
		return softkey.RSA{}, fmt.Errorf("key %s may import but is not RSA", id)
	}
	return exchange, nil
}

// openBlob undoes CKM_RSA_AES_KEY_WRAP: OAEP with SHA-1 gives an AES-256 key,
// which unwraps the rest (RFC 5649).
func openBlob(exchange softkey.RSA, blob transfer.Blob, keyType string) (softkey.Material, error) {
	if err := blob.CheckSize(exchange.Size()); err != nil {
		return nil, err
	}
	n := exchange.Size() / 8
	wrappingKey, err := exchange.OpenOAEP(crypto.SHA1, blob.Ciphertext[:n])
	if err != nil {
		return nil, errors.New(
			"the AES key does not decrypt: another KEK, or OAEP not with SHA-1 for both label and MGF1")
	}
	if len(wrappingKey) != 32 {
		return nil, fmt.Errorf("the wrapping key has %d bytes, not the 32 of AES-256", len(wrappingKey))
	}
	plain, err := keywrap.Unwrap(wrappingKey, blob.Ciphertext[n:])
	if err != nil {
		return nil, err
	}
	if keyType == keykind.OctHSM {
		return softkey.NewOct(plain)
	}
	return softkey.ParsePKCS8(plain)
}

// holds compares what was unwrapped with what the request says it is.
func holds(m softkey.Material, keyType, curve string) error {
	var public wire.Key
	m.Describe(&public)
	if m.Kind()+"-HSM" != keyType || public.Curve != curve {
		return fmt.Errorf("the blob holds a key of type %s %s, not %s %s", m.Kind(), public.Curve, keyType, curve)
	}
	return nil
}
