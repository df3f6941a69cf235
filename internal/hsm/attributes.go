package hsm

import (
	"encoding/binary"

	"github.com/miekg/pkcs11"
)

// names of the attributes that messages, permissions and records speak of,
// without CKA_.
var names = map[uint]string{
	pkcs11.CKA_ALLOWED_MECHANISMS: "ALLOWED_MECHANISMS",
	pkcs11.CKA_ALWAYS_SENSITIVE:   "ALWAYS_SENSITIVE",
	ckaCopyable:                   "COPYABLE",
	pkcs11.CKA_DECRYPT:            "DECRYPT",
	pkcs11.CKA_DERIVE:             "DERIVE",
	pkcs11.CKA_ENCRYPT:            "ENCRYPT",
	pkcs11.CKA_EXTRACTABLE:        "EXTRACTABLE",
	pkcs11.CKA_LOCAL:              "LOCAL",
	pkcs11.CKA_MODIFIABLE:         "MODIFIABLE",
	pkcs11.CKA_NEVER_EXTRACTABLE:  "NEVER_EXTRACTABLE",
	pkcs11.CKA_PRIVATE:            "PRIVATE",
	pkcs11.CKA_SENSITIVE:          "SENSITIVE",
	pkcs11.CKA_SIGN:               "SIGN",
	pkcs11.CKA_SIGN_RECOVER:       "SIGN_RECOVER",
	pkcs11.CKA_TOKEN:              "TOKEN",
	pkcs11.CKA_TRUSTED:            "TRUSTED",
	pkcs11.CKA_UNWRAP:             "UNWRAP",
	pkcs11.CKA_VERIFY:             "VERIFY",
	pkcs11.CKA_VERIFY_RECOVER:     "VERIFY_RECOVER",
	pkcs11.CKA_WRAP:               "WRAP",
	pkcs11.CKA_WRAP_WITH_TRUSTED:  "WRAP_WITH_TRUSTED",
}

// ckaCopyable is CKA_COPYABLE (PKCS#11 v2.40, section 4.4).
const ckaCopyable = 0x171

// attributes reads several attributes of an object in one call. A module that
// refuses the call because it does not know one of them is asked for each
// alone. The value of an attribute that the object does not have, or does not
// reveal, is nil.
func (s *Session) attributes(o Object, types ...uint) ([][]byte, error) {
	list := make([]*pkcs11.Attribute, len(types))
	for i, attribute := range types {
		list[i] = pkcs11.NewAttribute(attribute, nil)
	}
	got, err := s.p.GetAttributeValue(s.h, o, list)
	if withheld(err) {
		return s.oneByOne(o, types)
	}
	if err != nil {
		return nil, fail("C_GetAttributeValue", err)
	}
	values := make([][]byte, len(types))
	for i := range got {
		values[i] = got[i].Value
	}
	return values, nil
}

func (s *Session) oneByOne(o Object, types []uint) ([][]byte, error) {
	values := make([][]byte, len(types))
	for i, attribute := range types {
		got, err := s.p.GetAttributeValue(s.h, o, []*pkcs11.Attribute{pkcs11.NewAttribute(attribute, nil)})
		if withheld(err) {
			continue
		}
		if err != nil {
			return nil, fail("C_GetAttributeValue", err)
		}
		values[i] = got[0].Value
	}
	return values, nil
}

// withheld reports whether a template was refused for an attribute in it. nShield
// answers CKR_FUNCTION_FAILED for one that it does not know.
func withheld(err error) bool {
	return is(err, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID) || is(err, pkcs11.CKR_ATTRIBUTE_SENSITIVE) ||
		is(err, pkcs11.CKR_FUNCTION_FAILED)
}

// flag reads a boolean attribute. One that the object does not have is false:
// what cannot be set cannot be used.
func (s *Session) flag(o Object, attribute uint) (bool, error) {
	values, err := s.attributes(o, attribute)
	if err != nil {
		return false, err
	}
	return truth(values[0]), nil
}

func truth(value []byte) bool { return len(value) > 0 && value[0] != 0 }

// ulong reads a CK_ULONG in the machine's byte order (little-endian on every
// machine this runs on) and width. No value is 0.
func ulong(b []byte) uint {
	var wide [8]byte
	copy(wide[:], b)
	return uint(binary.LittleEndian.Uint64(wide[:]))
}
