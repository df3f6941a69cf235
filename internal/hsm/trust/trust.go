// Package trust makes trusted keys in an SO's session, by the first route that
// the module has: TRUSTED in the template, or set on what was made without it.
// What was made is read back.
//
// Use it through package hsm. Which routes a module leaves open to its user is
// what package probe tries.
package trust

import (
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// Route is how TRUSTED came to a key.
type Route string

// The routes of a security officer.
const (
	AtCreation Route = "at creation" // in the template that makes the key
	Afterwards Route = "afterwards"  // by C_SetAttributeValue, as nShield has it
)

// Maker makes trusted keys in a session with the SO logged in.
type Maker struct {
	Session *p11.Session
	// Route is what has worked on this token; it is tried first. "" is not known.
	Route *Route
	// Plain leaves TRUSTED and WRAP_WITH_TRUSTED out, for a user's session: no
	// trust, or somebody else's.
	Plain bool
}

// Key is a trusted key to be made, and how.
type Key struct {
	Wanted
	Call string // what makes it, such as "C_CreateObject"
	// Make makes the key with a template, which begins with label and CKA_ID.
	Make func(template []*pkcs11.Attribute) (p11.Object, error)
}

// way is one way to a trusted key.
type way struct {
	route Route
	make  func(Maker, Key) (p11.Object, error)
}

// ways are tried in this order. The last serves a module that sets nothing in
// an object that is not modifiable, as the standard has it (PKCS#11 v2.40,
// section 4.4).
var ways = []way{
	{AtCreation, Maker.created},
	{Afterwards, Maker.setOnFrozen},
	{Afterwards, Maker.setThenFrozen},
}

// Make makes a trusted key. The error is that of the first route: the others
// are for modules that refuse its template.
func (m Maker) Make(k Key) (p11.Object, error) {
	if m.Plain {
		return m.made(k, k.Template)
	}
	var first error
	for _, w := range m.order() {
		o, err := w.make(m, k)
		if err == nil {
			*m.Route = w.route
			return o, nil
		}
		if first == nil {
			first = err
		}
		if !p11.TemplateRefused(err) {
			break
		}
	}
	return 0, first
}

// order puts the ways of the route that has worked before the others.
func (m Maker) order() []way {
	if *m.Route != Afterwards {
		return ways
	}
	return slices.Concat(ways[1:], ways[:1])
}

func (m Maker) created(k Key) (p11.Object, error) { return m.made(k, k.Template) }

// setOnFrozen makes the key as it is to be, without TRUSTED, and sets that.
func (m Maker) setOnFrozen(k Key) (p11.Object, error) {
	return m.set(k, k.Template.Without(pkcs11.CKA_TRUSTED))
}

// setThenFrozen makes a session object that can be changed, sets TRUSTED, and
// freezes the key by a copy.
func (m Maker) setThenFrozen(k Key) (p11.Object, error) {
	final := k.Template.Only(pkcs11.CKA_TOKEN, p11.Copyable, pkcs11.CKA_MODIFIABLE)
	loose := k.Template.Without(pkcs11.CKA_TRUSTED, p11.Copyable, pkcs11.CKA_MODIFIABLE).
		With(p11.Has(pkcs11.CKA_TOKEN, false, "is frozen by a copy"))
	original, err := m.set(k, loose)
	if err != nil {
		return 0, err
	}
	defer m.Session.Discard(original)
	return Frozen(m.Session, original, Wanted{Name: k.Name, Label: k.Label, Template: final}, "C_CopyObject of "+k.Name)
}

// Frozen copies a session object to one that cannot be changed: call is what it is
// called in errors. It is not read back.
func Frozen(s *p11.Session, original p11.Object, w Wanted, call string) (p11.Object, error) {
	return s.Made(p11.Making{
		Call:      call,
		Object:    w.Name,
		Template:  w.Template,
		Mechanism: p11.NoMechanism,
		Make: func(t []*pkcs11.Attribute) (p11.Object, error) {
			return s.Copy(original, append(p11.Naming(w.Label, p11.NewID()), t...))
		},
	})
}

// set makes the key with a template, and sets TRUSTED.
func (m Maker) set(k Key, t p11.Template) (p11.Object, error) {
	o, err := m.made(k, t)
	if err != nil {
		return 0, err
	}
	if err := m.Session.Set(o, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true)}); err != nil {
		m.Session.Discard(o)
		return 0, p11.Fail("C_SetAttributeValue of CKA_TRUSTED of "+k.Name, err)
	}
	return o, nil
}

func (m Maker) made(k Key, t p11.Template) (p11.Object, error) {
	call, optional := k.Call+" of "+k.Name, []uint{pkcs11.CKA_MODIFIABLE}
	if !m.Plain {
		call, optional = call+" as a trusted key", nil
	}
	return m.Session.Made(p11.Making{
		Call:      call,
		Object:    k.Name,
		Template:  t,
		Mechanism: k.Mechanism,
		MayOmit:   optional,
		Make: func(t []*pkcs11.Attribute) (p11.Object, error) {
			return k.Make(append(p11.Naming(k.Label, p11.NewID()), t...))
		},
	})
}
