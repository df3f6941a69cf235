package main

import (
	"fmt"
	"slices"
	"testing"

	"github.com/miekg/pkcs11"
)

func changing() []attack {
	const group = "Change what an object is"
	trustable := slices.DeleteFunc(everyObject(),
		func(role string) bool { return slices.Contains(frozenKeys(), role) })
	owned := everyObject()
	both := func(name string, on []string, never bool,
		list func(a *attacker, t *testing.T, o object) []*pkcs11.Attribute) []attack {
		return []attack{
			{group: group, name: name + " (C_SetAttributeValue)", on: on, never: never, try: setting(list)},
			{group: group, name: name + " (C_CopyObject)", on: on, never: never, try: copying(list)},
		}
	}
	return slices.Concat(
		both("turn on a use that is off", frozenKeys(), false, usesOff),
		both("undo SENSITIVE or EXTRACTABLE=false", keysOfValue(), false, oneWay),
		both("undo WRAP_WITH_TRUSTED", append([]string{"KW"}, keptKeys()...), true, untrustedWrap),
		[]attack{
			{group: group, name: "undo MODIFIABLE=false or PRIVATE (C_SetAttributeValue)", on: everyKey(), never: true,
				try: setting(lasting)},
			{group: group, name: "undo MODIFIABLE=false or PRIVATE (C_CopyObject)", on: everyKey(), try: copying(lasting)},
			{group: group, name: "copy it as it is, for use when it is gone (C_CopyObject)", on: frozenKeys(),
				try: copying(unchanged)},
			{group: group, name: "change its label or CKA_ID (C_SetAttributeValue)", on: frozenKeys(), try: setting(names)},
		},
		both("make it trusted", trustable, true, trusted),
		both("overwrite its value, or a part of it", owned, true, parts),
		both("forge its origin: LOCAL, ALWAYS_SENSITIVE, NEVER_EXTRACTABLE", keysOfValue(), true, origin),
	)
}

func everyKey() []string { return append(keysOfValue(), "KM", "anchor") }

// setting tries each attribute of a list for itself.
func setting(list func(a *attacker, t *testing.T, o object) []*pkcs11.Attribute) func(*attacker, *testing.T, object,
	*finding) {
	return func(a *attacker, t *testing.T, o object, f *finding) {
		for _, one := range list(a, t, o) {
			f.call("setting "+nameOf(one.Type), a.p.SetAttributeValue(a.h, o.handle, []*pkcs11.Attribute{one}))
		}
	}
}

// copying tries each attribute of a list in the template of a copy, on the
// token and in the session. What it makes is removed.
func copying(list func(a *attacker, t *testing.T, o object) []*pkcs11.Attribute) func(*attacker, *testing.T, object,
	*finding) {
	return func(a *attacker, t *testing.T, o object, f *finding) {
		for _, one := range list(a, t, o) {
			for _, template := range [][]*pkcs11.Attribute{{one}, {attr(pkcs11.CKA_TOKEN, false), one}} {
				made, err := a.p.CopyObject(a.h, o.handle, template)
				if f.call("copying with "+nameOf(one.Type), err) {
					a.must(t, a.p.DestroyObject(a.h, made))
				}
			}
		}
	}
}

// weak is an attribute's weaker value, or, for a key of the attacker's own, the
// stronger one, which any token takes.
func weak(o object, attribute uint, weaker bool) *pkcs11.Attribute {
	return attr(attribute, weaker != o.mine)
}

func usesOff(a *attacker, t *testing.T, o object) (list []*pkcs11.Attribute) {
	for _, use := range uses(o.class, o.kind) {
		if o.mine || a.value(t, o.handle, use)[0] == 0 {
			list = append(list, weak(o, use, true))
		}
	}
	return list
}

func oneWay(_ *attacker, _ *testing.T, o object) []*pkcs11.Attribute {
	list := []*pkcs11.Attribute{weak(o, pkcs11.CKA_SENSITIVE, false)}
	if o.mine || o.role == "KW" || o.role == "KML" {
		list = append(list, weak(o, pkcs11.CKA_EXTRACTABLE, true))
	}
	return list
}

func untrustedWrap(*attacker, *testing.T, object) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{attr(pkcs11.CKA_WRAP_WITH_TRUSTED, false)}
}

// lasting are the attributes that are decided when an object is made.
func lasting(_ *attacker, _ *testing.T, o object) (list []*pkcs11.Attribute) {
	if o.mine || slices.Contains(frozenKeys(), o.role) {
		list = append(list, weak(o, pkcs11.CKA_MODIFIABLE, true))
	}
	if o.mine || o.role == "KML" || slices.Contains(keptKeys(), o.role) {
		list = append(list, weak(o, pkcs11.CKA_PRIVATE, false))
	}
	return list
}

func unchanged(*attacker, *testing.T, object) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{attr(pkcs11.CKA_LABEL, "spare"), attr(pkcs11.CKA_TOKEN, false),
		attr(pkcs11.CKA_ID, []byte{3})}
}

func names(*attacker, *testing.T, object) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{attr(pkcs11.CKA_LABEL, "byok-km-other"), attr(pkcs11.CKA_ID, []byte{3})}
}

func trusted(*attacker, *testing.T, object) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{attr(pkcs11.CKA_TRUSTED, true)}
}

// parts gives the attacker's own values: with a part of an RSA key that he
// chose, one faulty signature would give the other parts away.
func parts(a *attacker, _ *testing.T, o object) []*pkcs11.Attribute {
	return append(a.material(o.class, o.kind), attr(pkcs11.CKA_KEY_TYPE, uint(pkcs11.CKK_GENERIC_SECRET)),
		attr(pkcs11.CKA_CLASS, uint(pkcs11.CKO_DATA)))
}

func origin(_ *attacker, _ *testing.T, o object) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{attr(pkcs11.CKA_LOCAL, true), attr(pkcs11.CKA_ALWAYS_SENSITIVE, true),
		attr(pkcs11.CKA_NEVER_EXTRACTABLE, true),
		attr(pkcs11.CKA_KEY_GEN_MECHANISM, uint(pkcs11.CKM_AES_KEY_GEN))}
}

// nameOf names an attribute for messages, by its number in the standard.
func nameOf(attribute uint) string { return fmt.Sprintf("attribute %#x", attribute) }
