package hsm

import (
	"errors"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/inventory"
	"byok/internal/hsm/p11"
)

// Object is a handle of an object, valid while its session is open and, if it
// is private, while the login lasts. 0 stands for none.
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
type Item = inventory.Item

// TrustedObject is a trusted token object.
type TrustedObject = inventory.Trusted

// Inventory lists every token object that this role sees.
func (s *Session) Inventory() ([]Item, error) { return inventory.All(s.raw) }

// Trusted lists every token object with CKA_TRUSTED that this role sees.
// Compare it, as user, with exactly the world's.
func (s *Session) Trusted() ([]TrustedObject, error) {
	all, err := inventory.AllTrusted(s.raw)
	s.listed = []Item{}
	for _, t := range all {
		if !isNoAnchor(t.Item) {
			s.listed = append(s.listed, t.Item)
		}
	}
	if err != nil {
		s.listed = nil
	}
	return all, err
}

// DestroyLabelled destroys every token object with the label that this role
// sees and returns how many there were.
func (s *Session) DestroyLabelled(label string) (int, error) {
	if s.Rights {
		return s.device().DestroyLabelled(label)
	}
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
