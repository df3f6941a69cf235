// Package inventory lists the objects of a token: all that a role sees, or the
// trusted ones.
//
// Use it through package hsm. An [Item] is what the token showed when it was
// listed: labels and CKA_ID are the operator's to change.
package inventory

import (
	"bytes"
	"cmp"
	"crypto"
	"errors"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/fingerprint"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/publickey"
	"byok/internal/keykind"
	"byok/internal/ordered"
)

// Item is a token object as one look at the token shows it.
type Item struct {
	Object  p11.Object
	Class   p11.Class
	Label   string
	ID      []byte // CKA_ID, nil if the class has none
	KeyType uint   // CKA_KEY_TYPE; means nothing for other classes
	Trusted bool
}

// All lists every token object that this role sees, by label and class: one
// search for all, and one for the trusted ones, since asking an object for an attribute that its
// class does not have costs a call for each.
func All(s *p11.Session) ([]Item, error) {
	objects, err := s.Find(pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true))
	if err != nil {
		return nil, err
	}
	trusted, err := FindTrusted(s)
	if err != nil {
		return nil, err
	}
	items, err := Items(s, objects)
	for i := range items {
		items[i].Trusted = slices.Contains(trusted, items[i].Object)
	}
	ordered.Sort(items, compare)
	return items, err
}

// compare orders items as people read them; a token's own order is by chance.
func compare(a, b Item) int {
	return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Class, b.Class), bytes.Compare(a.ID, b.ID))
}

// Items reads what is listed of each object.
func Items(s *p11.Session, objects []p11.Object) ([]Item, error) {
	items := make([]Item, len(objects))
	for i, o := range objects {
		item, err := item(s, o)
		if err != nil {
			return nil, err
		}
		items[i] = item
	}
	return items, nil
}

// FindTrusted returns the trusted token objects that match. A module that does
// not know CKA_TRUSTED has none.
func FindTrusted(s *p11.Session, match ...*pkcs11.Attribute) ([]p11.Object, error) {
	found, err := FindOnToken(s, append(match, pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true))...)
	if p11.Is(err, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID) {
		return nil, nil
	}
	return found, err
}

// FindOnToken returns the token objects that match.
func FindOnToken(s *p11.Session, match ...*pkcs11.Attribute) ([]p11.Object, error) {
	return s.Find(append(match, pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true))...)
}

// shown are the attributes of an [Item].
var shown = []uint{pkcs11.CKA_CLASS, pkcs11.CKA_LABEL, pkcs11.CKA_ID, pkcs11.CKA_KEY_TYPE}

func item(s *p11.Session, o p11.Object) (Item, error) {
	values, err := s.Attributes(o, shown...)
	if err != nil {
		return Item{}, err
	}
	return itemOf(o, values), nil
}

// itemOf is an item of the values of what is shown.
func itemOf(o p11.Object, values [][]byte) Item {
	return Item{
		Object:  o,
		Class:   p11.Class(p11.ULong(values[0])),
		Label:   string(values[1]),
		ID:      values[2],
		KeyType: p11.ULong(values[3]),
	}
}

// Trusted is a trusted token object.
type Trusted struct {
	Item
	// SPKI is the SHA-256 of a public key's SubjectPublicKeyInfo; it is zero
	// for a secret key, and for a public key that no world makes.
	SPKI fingerprint.Sum
}

// AllTrusted lists every token object with CKA_TRUSTED that this role sees.
// Compare it, as user, with exactly the world's.
func AllTrusted(s *p11.Session) ([]Trusted, error) {
	objects, err := FindTrusted(s)
	if err != nil {
		return nil, err
	}
	all := make([]Trusted, 0, len(objects))
	for _, o := range objects {
		t, err := trustedObject(s, o)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// trustedObject reads an RSA public key, as KM and the anchors are, by one
// call. Other objects do not have what is asked for then.
func trustedObject(s *p11.Session, o p11.Object) (Trusted, error) {
	values, err := s.Read(o, append(slices.Clone(shown), pkcs11.CKA_MODULUS, pkcs11.CKA_PUBLIC_EXPONENT)...)
	if p11.Withheld(err) {
		return otherTrusted(s, o)
	}
	if err != nil {
		return Trusted{}, p11.Fail("C_GetAttributeValue", err)
	}
	item := itemOf(o, values)
	item.Trusted = true
	if item.Class != p11.PublicKey {
		return Trusted{Item: item}, nil
	}
	public, err := publickey.ParseRSA(values[len(shown)], values[len(shown)+1])
	return withSPKI(item, public, err)
}

func otherTrusted(s *p11.Session, o p11.Object) (Trusted, error) {
	item, err := item(s, o)
	item.Trusted = true
	if err != nil || item.Class != p11.PublicKey {
		return Trusted{Item: item}, err
	}
	public, err := publickey.Read(s, o, item.KeyType)
	return withSPKI(item, public, err)
}

func withSPKI(item Item, public crypto.PublicKey, err error) (Trusted, error) {
	if errors.Is(err, publickey.ErrForeign) {
		return Trusted{Item: item}, nil
	}
	if err != nil {
		return Trusted{}, err
	}
	sum, err := keykind.SPKIHash(public)
	return Trusted{item, sum}, err
}

// KeysLabelled are the private and secret keys of a list with the label.
func KeysLabelled(items []Item, label string) []Item {
	var found []Item
	for _, i := range items {
		if i.Label == label && (i.Class == p11.PrivateKey || i.Class == p11.SecretKey) {
			found = append(found, i)
		}
	}
	return found
}

// Objects are the handles of a list.
func Objects(items []Item) []p11.Object {
	objects := make([]p11.Object, len(items))
	for i, item := range items {
		objects[i] = item.Object
	}
	return objects
}

// PublicOf are the public keys of a list with the CKA_ID of a key.
func PublicOf(items []Item, key Item) []Item {
	var public []Item
	for _, i := range items {
		if i.Class == p11.PublicKey && bytes.Equal(i.ID, key.ID) {
			public = append(public, i)
		}
	}
	return public
}
