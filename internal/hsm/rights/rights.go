// Package rights is a session with a token whose logins have rights of their own
// and that keeps everything it is given: YubiHSM 2, by Yubico's library.
//
// The token has no session objects. What a session needs for itself alone is
// there under [Label] until the login ends ([Token.Clear]); what a crash has left
// goes by [Token.Sweep]. The operator may give every object another label, so
// nothing is found by its own: an object is used by the handle that it was made
// with.
//
// Use it through package hsm. That one login may export and the other not is what
// package twologins proves.
package rights

import (
	"crypto/rsa"
	"errors"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/probe"
	"byok/internal/hsm/publickey"
	"byok/internal/hsm/templates"
	"byok/internal/keykind"
)

// Label is the label of what is on the token for the time of a login alone.
const Label = "byok-temporary"

// Token is the token of a session.
type Token struct {
	session *p11.Session
	made    []p11.Object // for the time of the login, in the order of their making
	outer   []outer
	opener  *Opener
}

// outer is a public wrap key of the session.
type outer struct {
	key    *rsa.PublicKey
	object p11.Object
}

// Of is the token of a session.
func Of(s *p11.Session) *Token { return &Token{session: s} }

// Holds has objects destroyed when the login ends. 0 stands for none.
func (t *Token) Holds(objects ...p11.Object) {
	for _, o := range objects {
		if o != 0 {
			t.made = append(t.made, o)
		}
	}
}

// Keep gives objects that the token holds for the time of the login a label of
// their own: they stay. 0 stands for none.
func (t *Token) Keep(label string, objects ...p11.Object) error {
	for _, o := range objects {
		if o == 0 {
			continue
		}
		if err := t.name(o, pkcs11.NewAttribute(pkcs11.CKA_LABEL, label)); err != nil {
			return err
		}
	}
	t.made = slices.DeleteFunc(t.made, func(o p11.Object) bool { return slices.Contains(objects, o) })
	return nil
}

// name sets the label or the CKA_ID of an object, one at a time.
func (t *Token) name(o p11.Object, attributes ...*pkcs11.Attribute) error {
	for _, a := range attributes {
		if err := t.session.Set(o, []*pkcs11.Attribute{a}); err != nil {
			return p11.Fail("C_SetAttributeValue of label or CKA_ID", err)
		}
	}
	return nil
}

// Clear destroys what the token holds for the time of this login, the last made
// first.
func (t *Token) Clear() error {
	var failed []error
	for _, o := range slices.Backward(t.made) {
		failed = append(failed, t.Destroy("an object of the session", o))
	}
	t.made, t.outer, t.opener = nil, nil, nil
	return errors.Join(failed...)
}

// Sweep destroys what a session that was cut short has left.
func (t *Token) Sweep() error {
	_, err := t.DestroyLabelled(Label)
	return err
}

// DestroyLabelled destroys every object with the label and returns how many there
// were, a pair as two.
func (t *Token) DestroyLabelled(label string) (int, error) {
	found, err := t.session.Find(pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))
	if err != nil {
		return 0, err
	}
	for i, o := range found {
		if err := t.Destroy(label, o); err != nil {
			return i, err
		}
	}
	return len(found), nil
}

// Destroy destroys an object. One that is gone by now, with its other half, is no
// error. name is for messages.
func (t *Token) Destroy(name string, o p11.Object) error {
	err := t.session.Destroy(name, o)
	if p11.Is(err, pkcs11.CKR_OBJECT_HANDLE_INVALID) {
		return nil
	}
	return err
}

// SessionKey is [Token.WrapKey] for the time of the login: once for each key.
func (t *Token) SessionKey(name string, key *rsa.PublicKey) (p11.Object, error) {
	for _, k := range t.outer {
		if k.key.Equal(key) {
			return k.object, nil
		}
	}
	o, err := t.WrapKey(name, Label, key)
	if err != nil {
		return 0, err
	}
	t.Holds(o)
	t.outer = append(t.outer, outer{key, o})
	return o, nil
}

// WrapKey makes a public wrap key with the label, and reads its modulus and
// exponent back by handle. The library takes the modulus as CKA_VALUE, and the
// exponent for granted. name is for messages.
func (t *Token) WrapKey(name, label string, key *rsa.PublicKey) (p11.Object, error) {
	if key.E != templates.DefaultExponent {
		return 0, exitcode.Errorf(exitcode.HSM, "%s has the public exponent %d, and %v knows %d alone",
			name, key.E, t.session.Token, templates.DefaultExponent)
	}
	uses := p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, true, "the token has no session objects"),
		p11.Has(pkcs11.CKA_WRAP, true, "wraps keys for the backup, or for the vault"),
	}
	o, err := t.session.Create(uses.Raw(slices.Concat(p11.Naming(label, p11.NewID()),
		p11.Classed(p11.PublicKey, pkcs11.CKK_RSA),
		[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_VALUE, key.N.Bytes())})...))
	if err != nil {
		return 0, p11.Fail("C_CreateObject of "+name, err)
	}
	return t.session.Checked(o, t.same(name, o, key))
}

// Find returns the public wrap key with the label. It must be the only object with
// it, and its modulus and exponent must be key's. A search for public keys finds no
// wrap key.
func (t *Token) Find(name, label string, key *rsa.PublicKey) (p11.Object, error) {
	found, err := t.session.Find(pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))
	if err != nil {
		return 0, err
	}
	if len(found) != 1 {
		return 0, exitcode.Errorf(exitcode.HSM, "%d objects on %v are labelled %s instead of one",
			len(found), t.session.Token, label)
	}
	return found[0], t.same(name, found[0], key)
}

func (t *Token) same(name string, o p11.Object, key *rsa.PublicKey) error {
	shown, err := publickey.ReadRSA(t.session, o)
	if err != nil {
		return err
	}
	if !shown.Equal(key) {
		return exitcode.Errorf(exitcode.HSM, "%v shows another public key for %s than it was given", t.session.Token, name)
	}
	return nil
}

// Unreadable tries to read a key. Nothing of it can be set but its names, and
// there are no copies. name is for messages.
func (t *Token) Unreadable(name string, kind keykind.Kind, o p11.Object) error {
	secretPart := uint(pkcs11.CKA_VALUE)
	if kind.Type == keykind.RSA {
		secretPart = pkcs11.CKA_PRIVATE_EXPONENT
	}
	values, err := t.session.Read(o, secretPart)
	if err != nil || len(values[0]) == 0 {
		return nil
	}
	clear(values[0])
	return exitcode.Errorf(exitcode.HSM, "%v %w: the value of %s can be read", t.session.Token, probe.ErrNotEnforced, name)
}
