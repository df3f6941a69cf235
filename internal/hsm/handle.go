package hsm

import (
	"bytes"
	"errors"
	"slices"

	"github.com/miekg/pkcs11"
)

// IsWrongPIN reports whether err says that a PIN was not the right one.
func IsWrongPIN(err error) bool {
	return oneOf(err, []uint{pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_LEN_RANGE, pkcs11.CKR_PIN_INVALID})
}

// IsUnsupported reports whether err says that the module does not offer a call.
func IsUnsupported(err error) bool {
	return oneOf(err, []uint{pkcs11.CKR_FUNCTION_NOT_SUPPORTED, pkcs11.CKR_FUNCTION_REJECTED, pkcs11.CKR_SESSION_READ_ONLY})
}

// IsKey reports whether objects of the class are keys.
func (c Class) IsKey() bool { return c == PublicKey || c == PrivateKey || c == SecretKey }

// HoldsSecrets reports whether objects of the class may hold or wrap a key, so
// that a token with one is not empty: keys and data objects.
func (c Class) HoldsSecrets() bool { return c.IsKey() || c == Class(pkcs11.CKO_DATA) }

// Discard destroys a session object that is no longer needed. It is gone with
// the session anyway.
func (s *Session) Discard(o Object) {
	if o != 0 {
		s.Discard(o)
	}
}

// DiscardCopy destroys a transfer copy, and nothing that is not one.
func (s *Session) DiscardCopy(k Key) {
	if k.original != 0 {
		s.Discard(k.object)
	}
}

// Extractable reports whether the key can still be wrapped.
func (s *Session) Extractable(k Key) (bool, error) { return s.flag(k.object, pkcs11.CKA_EXTRACTABLE) }

// DestroyKey destroys both halves of a key.
func (s *Session) DestroyKey(k Key) error {
	if err := s.Destroy(k.object); err != nil || k.public == 0 {
		return err
	}
	return s.Destroy(k.public)
}

// KeyIn is [Session.FindKey] in a list from [Session.Inventory]: it does not
// search the token again.
func (s *Session) KeyIn(items []Item, label string) (Key, error) {
	var found []Item
	for _, i := range items {
		if i.Label == label && (i.Class == PrivateKey || i.Class == SecretKey) {
			found = append(found, i)
		}
	}
	objects := make([]Object, len(found))
	for i, f := range found {
		objects[i] = f.Object
	}
	o, err := s.one(label, objects)
	if err != nil {
		return Key{}, err
	}
	if found[0].Class == SecretKey {
		return s.foundSecret(label, o)
	}
	return s.privateIn(items, found[0])
}

// privateIn completes a private key with the public half of its CKA_ID.
func (s *Session) privateIn(items []Item, private Item) (Key, error) {
	var halves []Object
	for _, i := range items {
		if i.Class == PublicKey && bytes.Equal(i.ID, private.ID) {
			halves = append(halves, i.Object)
		}
	}
	return s.whole(private.Label, private.Object, private.ID, halves)
}

// FindKeys returns every private or secret token object with the label.
func (s *Session) FindKeys(label string) ([]Key, error) {
	items, err := s.Inventory()
	if err != nil {
		return nil, err
	}
	var keys []Key
	for _, i := range items {
		if i.Label != label || i.Class != PrivateKey && i.Class != SecretKey {
			continue
		}
		others := slices.DeleteFunc(slices.Clone(items), func(o Item) bool {
			return o.Label == label && o.Class == i.Class && o.Object != i.Object
		})
		k, err := s.KeyIn(others, label)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}
