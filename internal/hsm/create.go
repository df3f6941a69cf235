package hsm

import (
	"slices"

	"github.com/miekg/pkcs11"
)

// making is one call that makes an object with a template.
type making struct {
	what      string // for errors: "C_CreateObject of KM"
	object    string // for the record of what was left out: "KM"
	template  Template
	mechanism uint   // for ALLOWED_MECHANISMS, or noMechanism
	mayOmit   []uint // attributes that are optional in this call
	make      func(template []*pkcs11.Attribute) (Object, error)
}

// noMechanism leaves ALLOWED_MECHANISMS out.
const noMechanism = ^uint(0)

// made makes an object. Where the module refuses the template, it is tried
// again with as few of the optional attributes left out as will do, and what
// was left out is noted.
func (s *Session) made(m making) (Object, error) {
	facts := s.m.tokenFacts(s.Token)
	var first error
	for _, out := range facts.order(m.object, subsets(m.optional())) {
		o, err := m.make(m.attributes(out))
		if err == nil {
			facts.leftOut[m.object] = out
			s.note(m.object, out)
			return o, nil
		}
		if first == nil {
			first = err
		}
		if !oneOf(err, templateRefused) {
			break
		}
	}
	return 0, fail(m.what, first)
}

// templateRefused are the return values by which a module says that it does
// not accept an attribute of a template.
var templateRefused = []uint{
	pkcs11.CKR_ATTRIBUTE_READ_ONLY, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID, pkcs11.CKR_ATTRIBUTE_VALUE_INVALID,
	pkcs11.CKR_TEMPLATE_INCONSISTENT, ckrActionProhibited,
}

// optional lists the optional attributes of the template.
func (m making) optional() []uint {
	var present []uint
	if m.mechanism != noMechanism {
		present = append(present, pkcs11.CKA_ALLOWED_MECHANISMS)
	}
	for _, a := range m.template {
		if slices.Contains(optional(), a.Type) || slices.Contains(m.mayOmit, a.Type) {
			present = append(present, a.Type)
		}
	}
	return present
}

func (m making) attributes(out []uint) []*pkcs11.Attribute {
	var list []*pkcs11.Attribute
	if m.mechanism != noMechanism && !slices.Contains(out, uint(pkcs11.CKA_ALLOWED_MECHANISMS)) {
		list = append(list, pkcs11.NewAttribute(pkcs11.CKA_ALLOWED_MECHANISMS, pkcs11.NewAttribute(0, m.mechanism).Value))
	}
	return m.template.without(out...).raw(list...)
}

// subsets lists the subsets of types, the smallest first.
func subsets(types []uint) [][]uint {
	var all [][]uint
	for mask := range uint(1) << len(types) {
		var some []uint
		for i, t := range types {
			if mask>>i&1 == 1 {
				some = append(some, t)
			}
		}
		all = append(all, some)
	}
	slices.SortStableFunc(all, func(a, b []uint) int { return len(a) - len(b) })
	return all
}

func (s *Session) note(object string, out []uint) {
	for _, attribute := range out {
		text := names[attribute] + " of " + object
		if !slices.Contains(s.leftOut, text) {
			s.leftOut = append(s.leftOut, text)
		}
	}
}
