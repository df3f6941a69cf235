package hsm

import (
	"errors"
	"slices"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm/p11"
	"byok/internal/keykind"
)

// Object is a handle of an object, valid while its session is open and, if it
// is private, while the login lasts. 0 is no object.
type Object = p11.Object

// ErrNotFound is wrapped by the errors of FindKey, FindKM and FindKW when the
// token has no such object. Test with errors.Is.
var ErrNotFound = errors.New("not on the token")

// Class is an object's CKA_CLASS (CKO_…).
type Class = p11.Class

// The classes of keys.
const (
	PublicKey  = p11.PublicKey
	PrivateKey = p11.PrivateKey
	SecretKey  = p11.SecretKey
)

// Item is a token object as one look at the token shows it.
type Item struct {
	Object  Object
	Class   Class
	Label   string
	ID      []byte // CKA_ID, nil if the class has none
	KeyType uint   // CKA_KEY_TYPE; means nothing for other classes
	Trusted bool
}

// Inventory lists every token object that this role sees: one search for all,
// and one for the trusted ones, since asking an object for an attribute that its
// class does not have costs a call for each.
func (s *Session) Inventory() ([]Item, error) {
	objects, err := s.raw.Find(pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true))
	if err != nil {
		return nil, err
	}
	trusted, err := s.findTrusted()
	if err != nil {
		return nil, err
	}
	items, err := s.items(objects)
	for i := range items {
		items[i].Trusted = slices.Contains(trusted, items[i].Object)
	}
	return items, err
}

func (s *Session) items(objects []Object) ([]Item, error) {
	items := make([]Item, len(objects))
	for i, o := range objects {
		item, err := s.item(o)
		if err != nil {
			return nil, err
		}
		items[i] = item
	}
	return items, nil
}

// findTrusted returns the trusted token objects that match.
func (s *Session) findTrusted(match ...*pkcs11.Attribute) ([]Object, error) {
	return s.raw.Find(append(match,
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true))...)
}

func (s *Session) item(o Object) (Item, error) {
	values, err := s.raw.Attributes(o, pkcs11.CKA_CLASS, pkcs11.CKA_LABEL, pkcs11.CKA_ID, pkcs11.CKA_KEY_TYPE)
	if err != nil {
		return Item{}, err
	}
	return Item{
		Object:  o,
		Class:   Class(p11.ULong(values[0])),
		Label:   string(values[1]),
		ID:      values[2],
		KeyType: p11.ULong(values[3]),
	}, nil
}

// TrustedObject is a trusted token object.
type TrustedObject struct {
	Item
	// SPKI is the SHA-256 of a public key's SubjectPublicKeyInfo; it is zero
	// for a secret key, and for a public key that no world makes.
	SPKI fingerprint.Sum
}

// Trusted lists every token object with CKA_TRUSTED that this role sees.
// Compare it, as user, with exactly the world's.
func (s *Session) Trusted() ([]TrustedObject, error) {
	objects, err := s.findTrusted()
	if err != nil {
		return nil, err
	}
	all := make([]TrustedObject, 0, len(objects))
	for _, o := range objects {
		t, err := s.trustedObject(o)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

func (s *Session) trustedObject(o Object) (TrustedObject, error) {
	item, err := s.item(o)
	item.Trusted = true
	if err != nil || item.Class != PublicKey {
		return TrustedObject{Item: item}, err
	}
	public, err := s.publicKeyOf(o, item.KeyType)
	if errors.Is(err, errForeignKey) {
		return TrustedObject{Item: item}, nil
	}
	if err != nil {
		return TrustedObject{}, err
	}
	sum, err := keykind.SPKIHash(public)
	return TrustedObject{item, sum}, err
}

// Destroy destroys an object.
func (s *Session) Destroy(o Object) error { return s.raw.Destroy("an object", o) }

// DestroyLabelled destroys every token object with the label that this role
// sees and returns how many there were.
func (s *Session) DestroyLabelled(label string) (int, error) {
	return s.raw.DestroyAll(label,
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))
}

// one returns the only object of a list. None is ErrNotFound; two are an
// error, for no rule says which to take.
func (s *Session) one(label string, found []Object) (Object, error) {
	switch {
	case len(found) == 0:
		name := strings.TrimPrefix(s.Token.String(), "token ")
		return 0, exitcode.Errorf(exitcode.HSM, "%s is %w %s", label, ErrNotFound, name)
	case len(found) > 1:
		return 0, exitcode.Errorf(exitcode.HSM, "%d objects on %v are labelled %s instead of one",
			len(found), s.Token, label)
	}
	return found[0], nil
}
