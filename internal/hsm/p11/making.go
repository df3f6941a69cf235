package p11

import (
	"byok/internal/ordered"
	"slices"

	"github.com/miekg/pkcs11"
)

// Making is one call that makes an object with a template.
type Making struct {
	Call      string // for errors, such as "C_CreateObject of KM"
	Object    string // for the record of what was left out, such as "KM"
	Template  Template
	Mechanism uint   // for ALLOWED_MECHANISMS, or NoMechanism
	MayOmit   []uint // attributes that are optional in this call
	Make      func(template []*pkcs11.Attribute) (Object, error)
}

// NoMechanism leaves ALLOWED_MECHANISMS out.
const NoMechanism = ^uint(0)

// optional are attributes that a module may not know, the most likely first.
var optional = []uint{
	Copyable, pkcs11.CKA_ALLOWED_MECHANISMS, pkcs11.CKA_VERIFY_RECOVER, pkcs11.CKA_SIGN_RECOVER, pkcs11.CKA_DERIVE,
}

// Made makes an object. Where the module refuses the template, it is tried
// again with as few of the optional attributes left out as will do: COPYABLE,
// ALLOWED_MECHANISMS, VERIFY_RECOVER, SIGN_RECOVER, DERIVE, and those of MayOmit.
// What a module does not know restricts nothing there; what is made is read back,
// so that one which it knows has its value.
// [Session.LeftOut] names them. The error is that of the whole template.
func (s *Session) Made(m Making) (Object, error) {
	var first error
	for _, out := range s.order(m) {
		o, err := m.Make(m.attributes(out))
		if err == nil {
			s.note(m.Object, out)
			return o, nil
		}
		if first == nil {
			first = err
		}
		if !TemplateRefused(err) {
			break
		}
	}
	return 0, Fail(m.Call, first)
}

// LeftOut lists the attributes that the module did not take, such as
// "COPYABLE of KW", sorted.
func (s *Session) LeftOut() []string { return slices.Sorted(slices.Values(s.leftOut)) }

// TemplateRefused reports whether a module does not accept an attribute of a
// template.
func TemplateRefused(err error) bool {
	return Is(err, pkcs11.CKR_ATTRIBUTE_READ_ONLY, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID,
		pkcs11.CKR_ATTRIBUTE_VALUE_INVALID, pkcs11.CKR_TEMPLATE_INCONSISTENT, ActionProhibited)
}

// order lists what to leave out: what worked the last time, then the subsets
// of the optional attributes, the smallest first.
func (s *Session) order(m Making) [][]uint {
	all := subsets(m.optional())
	if last, ok := s.Omitted[m.Object]; ok {
		return append([][]uint{last}, all...)
	}
	return all
}

func (m Making) optional() []uint {
	var present []uint
	if m.Mechanism != NoMechanism {
		present = append(present, pkcs11.CKA_ALLOWED_MECHANISMS)
	}
	for _, attribute := range slices.Concat(optional, m.MayOmit) {
		if len(m.Template.Only(attribute)) > 0 {
			present = append(present, attribute)
		}
	}
	return present
}

func (m Making) attributes(out []uint) []*pkcs11.Attribute {
	var list []*pkcs11.Attribute
	if m.Mechanism != NoMechanism && !slices.Contains(out, uint(pkcs11.CKA_ALLOWED_MECHANISMS)) {
		one := pkcs11.NewAttribute(pkcs11.CKA_ALLOWED_MECHANISMS, m.Mechanism) // a list of one CK_ULONG
		list = append(list, one)
	}
	return m.Template.Without(out...).Raw(list...)
}

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
	ordered.Sort(all, func(a, b []uint) int { return len(a) - len(b) })
	return all
}

func (s *Session) note(object string, out []uint) {
	s.Omitted[object] = out
	for _, attribute := range out {
		text := names[attribute] + " of " + object
		if !slices.Contains(s.leftOut, text) {
			s.leftOut = append(s.leftOut, text)
		}
	}
}
