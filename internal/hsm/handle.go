package hsm

import (
	"cmp"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/inventory"
	"byok/internal/ordered"
)

// KeyIn is [Session.FindKey] in a list from [Session.Inventory]: it does not
// search the token again.
func (s *Session) KeyIn(items []Item, label string) (Key, error) {
	found := inventory.KeysLabelled(items, label)
	if _, err := s.one(label, inventory.Objects(found)); err != nil {
		return Key{}, err
	}
	return s.keyOf(items, found[0])
}

// AgainIn is [Session.FindAgain] in a list from [Session.Inventory].
func (s *Session) AgainIn(items []Item, k Key) (Key, error) {
	return s.again(k, inventory.Objects(inventory.KeysLabelled(items, k.Label)))
}

// FindKeys returns every private and secret token object with the label: a
// freeze that was cut short leaves two.
func (s *Session) FindKeys(label string) ([]Key, error) {
	items, err := s.Inventory()
	if err != nil {
		return nil, err
	}
	var keys []Key
	for _, i := range inventory.KeysLabelled(items, label) {
		k, err := s.keyOf(items, i)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// keyOf completes a key: a private one with the public half of its CKA_ID, which
// may have another label.
func (s *Session) keyOf(items []Item, key Item) (Key, error) {
	if key.Class == SecretKey {
		return s.whole(key)
	}
	public := inventory.PublicOf(items, key)
	if len(public) == 0 {
		objects, err := s.raw.Find(
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
			pkcs11.NewAttribute(pkcs11.CKA_ID, key.ID))
		if err != nil {
			return Key{}, err
		}
		if public, err = inventory.Items(s.raw, objects); err != nil {
			return Key{}, err
		}
	}
	return s.halves(key, public)
}

// Discard destroys a session object that has served its purpose. A failure is
// ignored: the object goes with the session. 0 stands for none.
func (s *Session) Discard(o Object) { s.raw.Discard(o) }

// DiscardCopy destroys a transfer copy. Any other key stays.
func (s *Session) DiscardCopy(k Key) {
	if k.original != 0 {
		s.Discard(k.object)
	}
}

// DestroyKey destroys a key, by its handle, and then its public half.
func (s *Session) DestroyKey(k Key) error {
	for _, o := range []Object{k.object, k.public} {
		if o == 0 {
			continue
		}
		if err := s.device().Destroy(k.Label, o); err != nil {
			return err
		}
	}
	return nil
}

// DestroyOthers destroys the token objects with a key's label except its own two, private halves
// first, so that none is ever left without its public half, and returns how many there were.
func (s *Session) DestroyOthers(k Key) (int, error) {
	items, err := s.Inventory()
	if err != nil {
		return 0, err
	}
	own := func(i Item) bool { return i.Label != k.Label || i.Object == k.object || i.Object == k.public }
	others := slices.DeleteFunc(items, own)
	ordered.Sort(others, func(a, b Item) int { return cmp.Compare(b.Class, a.Class) })
	for _, o := range others {
		if err := s.raw.Destroy(k.Label, o.Object); err != nil {
			return 0, err
		}
	}
	return len(others), nil
}

// DestroyFrozen destroys every private and secret token object with the label
// that cannot be extracted, and returns how many there were: the copies of a
// freeze that was cut short, which may lack their public half.
func (s *Session) DestroyFrozen(label string) (int, error) {
	extractable := pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false)
	n := 0
	for _, class := range []Class{PrivateKey, SecretKey} {
		more, err := s.raw.DestroyAll(label,
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, uint(class)), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), extractable)
		if err != nil {
			return n, err
		}
		n += more
	}
	return n, nil
}

// Extractable reports whether the key can be wrapped.
func (s *Session) Extractable(k Key) (bool, error) {
	return s.raw.Flag(k.object, pkcs11.CKA_EXTRACTABLE)
}
