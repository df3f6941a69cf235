package token

import (
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// Module is how a PKCS#11 module understands the calls, where modules differ or
// could be weak.
type Module struct {
	Name string
	// OneCall: CKM_RSA_AES_KEY_WRAP is there, so the ceremony uses it.
	OneCall bool
	// LateWWT: WRAP_WITH_TRUSTED can be set after a key was made.
	LateWWT bool
	// Copies is what may be done with an object that is not MODIFIABLE.
	Copies Copying
	// CopyableInCopy: COPYABLE=false is taken in the template of a copy.
	CopyableInCopy bool
	// KnowsCopyable: COPYABLE=false keeps an object from being copied.
	KnowsCopyable bool
	// KeepsToAllowed: ALLOWED_MECHANISMS is enforced.
	KeepsToAllowed bool
	// UsesByDefault: a use that a template leaves out is allowed.
	UsesByDefault bool

	// The following are weaknesses: the ceremony refuses such modules.

	// Joins is what becomes of a key that is joined to another.
	Joins Joining
	// TrustByUser: the user can set TRUSTED.
	TrustByUser bool
	// UndoesOneWay: SENSITIVE, EXTRACTABLE=false and WRAP_WITH_TRUSTED can be
	// undone.
	UndoesOneWay bool
	// IgnoresWWT: keys with WRAP_WITH_TRUSTED are wrapped under any key.
	IgnoresWWT bool
	// SetsFrozen: attributes of an object that is not MODIFIABLE can be set.
	SetsFrozen bool
	// SharesSessions: session objects of a process are seen by another.
	SharesSessions bool
}

// Copying is how C_CopyObject answers for an object that is not MODIFIABLE, and
// not COPYABLE=false.
type Copying int

// The answers: it is refused; the copy is as the object is, with another label
// and place at most; the copy may differ, as the standard says.
const (
	NoCopies Copying = iota
	PlainCopies
	AnyCopies
)

// Joining is how C_DeriveKey answers mechanisms that join keys.
type Joining int

// The answers: there is no such mechanism; a key with WRAP_WITH_TRUSTED is
// refused; or as the standard says, where the derived key is sensitive and
// extractable as its parts are, and WRAP_WITH_TRUSTED is not inherited (PKCS#11
// v2.40, section 2.31.3).
const (
	NoJoining Joining = iota
	JoiningRefused
	JoiningAsStandard
)

// Standard is PKCS#11 v2.40 to the letter, with the choices that the standard
// leaves open made in the attacker's favour.
// ALLOWED_MECHANISMS is optional, so it does not count.
func Standard() Module {
	return Module{
		Name: "PKCS#11 v2.40", OneCall: true, LateWWT: true, Copies: AnyCopies, CopyableInCopy: true,
		KnowsCopyable: true, UsesByDefault: true, Joins: JoiningRefused,
	}
}

// SoftHSM is SoftHSM 2.6.1.
func SoftHSM() Module {
	return Module{Name: "SoftHSM 2.6.1", KnowsCopyable: true, KeepsToAllowed: true, UsesByDefault: true}
}

// OpenCryptoki is the soft token of openCryptoki 3.27, as the ceremony uses it:
// in two steps. Its CKM_RSA_AES_KEY_WRAP makes the AES key inside an object
// that other processes find, so KM must refuse it there; package probe proves
// that it does.
func OpenCryptoki() Module {
	return Module{
		Name: "openCryptoki 3.27", LateWWT: true, Copies: AnyCopies, CopyableInCopy: true,
		KnowsCopyable: true, UsesByDefault: true,
	}
}

// TwoSteps is the module without CKM_RSA_AES_KEY_WRAP.
func (m Module) TwoSteps() Module {
	m.OneCall = false
	return m
}

// Form names the form that the ceremony uses.
func (m Module) Form() string {
	if m.OneCall {
		return "one call"
	}
	return "two steps"
}

// Accepted lists the modules that the ceremony accepts, in each form.
func Accepted() []Module {
	return []Module{SoftHSM(), OpenCryptoki(), Standard(), Standard().TwoSteps()}
}

// defaults are the attributes of an object whose template says nothing: not
// sensitive and not extractable, as on SoftHSM.
func (m Module) defaults(class p11.Class) Attrs {
	a := Modifiable | Copyable
	if class != p11.PublicKey {
		a |= Private
	}
	if m.UsesByDefault {
		a |= usesOf(class) &^ Derive
	}
	return a
}

// Make returns the attributes of an object that a template makes, by any call
// other than C_CopyObject, and false if the module refuses it. The role is who
// is logged in, [pkcs11.CKU_SO] or [pkcs11.CKU_USER]. What the module generates
// is [Attrs.Generated] as well.
func (m Module) Make(role uint, class p11.Class, t p11.Template) (Attrs, bool) {
	a, officer := m.defaults(class).With(t), role == pkcs11.CKU_SO
	if a.Has(Trusted) && !officer && !m.TrustByUser || officer && a.Has(Private) {
		return 0, false
	}
	return a, true
}

// Takes returns a template without the attributes that the module does not know.
func (m Module) Takes(t p11.Template) p11.Template {
	if m.KnowsCopyable {
		return t
	}
	return t.Without(p11.Copyable)
}

// Copy returns the attributes of a copy and the template that makes it, without
// what the module does not take there, and false if the module refuses it.
func (m Module) Copy(o Object, t p11.Template) (Attrs, p11.Template, bool) {
	t = m.Takes(t)
	frozen := !o.Attrs.Has(Modifiable)
	if m.KnowsCopyable && !o.Attrs.Has(Copyable) || frozen && m.Copies == NoCopies {
		return 0, nil, false
	}
	if !m.CopyableInCopy {
		t = t.Without(p11.Copyable)
	}
	for _, x := range t {
		differs := o.Attrs.With(p11.Template{x}) != o.Attrs && x.Type != pkcs11.CKA_TOKEN
		if differs && (frozen && m.Copies == PlainCopies || !m.changes(x, true)) {
			return 0, nil, false
		}
	}
	return o.Attrs.With(t), t, true
}

// Set returns the attributes of an object after C_SetAttributeValue, and false
// if the module refuses the call.
func (m Module) Set(o Object, x p11.Attribute) (Attrs, bool) {
	return o.Attrs.With(p11.Template{x}), (o.Attrs.Has(Modifiable) || m.SetsFrozen) && m.changes(x, false)
}

// changes reports whether an attribute can become what it was not.
func (m Module) changes(x p11.Attribute, inCopy bool) bool {
	switch x.Type {
	case pkcs11.CKA_TRUSTED:
		return m.TrustByUser
	case pkcs11.CKA_SENSITIVE:
		return x.Value || m.UndoesOneWay
	case pkcs11.CKA_EXTRACTABLE:
		return !x.Value || m.UndoesOneWay
	case pkcs11.CKA_WRAP_WITH_TRUSTED:
		if x.Value {
			return m.LateWWT
		}
		return m.UndoesOneWay
	case pkcs11.CKA_MODIFIABLE:
		return inCopy && (!x.Value || m.Copies == AnyCopies)
	case p11.Copyable:
		return !x.Value && m.CopyableInCopy
	case pkcs11.CKA_TOKEN:
		return inCopy
	}
	return true
}

// Wraps reports whether C_WrapKey wraps one object under another with a
// mechanism that fits the wrapping key's type.
func (m Module) Wraps(under, o Object, mechanism uint) bool {
	if !under.Attrs.Has(Wrap) || !under.Allows(mechanism) || !o.Attrs.Has(Extractable) || o.Class == p11.PublicKey {
		return false
	}
	return !o.Attrs.Has(WrapWithTrusted) || under.Attrs.Has(Trusted) || m.IgnoresWWT
}

// Mechanisms lists the mechanisms that wrap an object under another, as the
// types of both allow.
func (m Module) Mechanisms(under, o Object) []uint {
	k, isKey := under.Value.(Key)
	switch {
	case under.Class == p11.SecretKey:
		return []uint{p11.KWP}
	case under.Class != p11.PublicKey || !isKey || k.Kind != RSA:
		return nil
	}
	var list []uint
	if _, aes := isAES(o.Value); aes {
		list = append(list, pkcs11.CKM_RSA_PKCS_OAEP)
	}
	if m.OneCall {
		list = append(list, pkcs11.CKM_RSA_AES_KEY_WRAP)
	}
	return list
}

// Reads reports whether C_GetAttributeValue gives the value.
func (m Module) Reads(o Object) bool {
	return o.Class != p11.PublicKey && !o.Attrs.Has(Sensitive) && o.Attrs.Has(Extractable)
}

// Join returns the attributes of a key that C_DeriveKey makes of two, and false
// if the module refuses that.
func (m Module) Join(base, other Object) (Attrs, bool) {
	both := base.Attrs | other.Attrs
	if m.Joins == NoJoining || !base.Attrs.Has(Derive) || !base.Allows(pkcs11.CKM_CONCATENATE_BASE_AND_KEY) {
		return 0, false
	}
	if m.Joins == JoiningRefused && both.Has(WrapWithTrusted) {
		return 0, false
	}
	a := m.defaults(p11.SecretKey).With(Unrestricted(p11.SecretKey))
	if both.Has(Sensitive) {
		a |= Sensitive
	}
	if !(base.Attrs & other.Attrs).Has(Extractable) {
		a &^= Extractable
	}
	return a, true
}
