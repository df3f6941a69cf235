package p11

import (
	"encoding/binary"
	"slices"

	"github.com/miekg/pkcs11"
)

// Copyable is CKA_COPYABLE (PKCS#11 v2.40, section 4.4).
const Copyable = 0x171

// names of the attributes that messages, permissions and records speak of.
var names = map[uint]string{
	pkcs11.CKA_ALLOWED_MECHANISMS: "ALLOWED_MECHANISMS",
	pkcs11.CKA_ALWAYS_SENSITIVE:   "ALWAYS_SENSITIVE",
	Copyable:                      "COPYABLE",
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

// Name returns an attribute's name without CKA_, for the attributes that
// templates and messages use.
func Name(attribute uint) string { return names[attribute] }

// Truth reads a CK_BBOOL. No value is false.
func Truth(value []byte) bool { return len(value) > 0 && value[0] != 0 }

// Truths names the boolean attributes that are true, sorted.
func Truths(types []uint, values [][]byte) []string {
	var on []string
	for i, value := range values {
		if Truth(value) {
			on = append(on, Name(types[i]))
		}
	}
	slices.Sort(on)
	return on
}

// ULong reads a CK_ULONG in the machine's byte order (little-endian on every
// machine this runs on) and width. No value is 0.
func ULong(value []byte) uint {
	var wide [8]byte
	copy(wide[:], value)
	return uint(binary.LittleEndian.Uint64(wide[:]))
}

// FromULong is what [ULong] reads: 4 bytes on Windows, 8 elsewhere.
func FromULong(n uint) []byte { return pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, n).Value }

// Address is a pointer in a structure of parameters, which is packed on Windows and
// without gaps where a pointer is as long as a CK_ULONG.
func Address(at uintptr) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(at)) }

// Attributes reads several attributes of an object in one call. A module that
// refuses the call because it does not know one of them is asked for each
// alone. The value of an attribute that the object does not have, or does not
// reveal, is nil.
func (s *Session) Attributes(o Object, types ...uint) ([][]byte, error) {
	values, err := s.Read(o, types...)
	if !Withheld(err) {
		return values, asFailure(err)
	}
	values = make([][]byte, len(types))
	for i, attribute := range types {
		one, err := s.Read(o, attribute)
		if Withheld(err) {
			continue
		}
		if err != nil {
			return nil, asFailure(err)
		}
		values[i] = one[0]
	}
	return values, nil
}

func asFailure(err error) error {
	if err == nil {
		return nil
	}
	return Fail("C_GetAttributeValue", err)
}

// Withheld reports whether a template was refused for an attribute in it.
// nShield answers CKR_FUNCTION_FAILED for one that it does not know.
func Withheld(err error) bool {
	return Is(err, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID, pkcs11.CKR_ATTRIBUTE_SENSITIVE, pkcs11.CKR_FUNCTION_FAILED)
}

// Read is one C_GetAttributeValue, with the library's own error.
func (s *Session) Read(o Object, types ...uint) ([][]byte, error) {
	list := make([]*pkcs11.Attribute, len(types))
	for i, attribute := range types {
		list[i] = pkcs11.NewAttribute(attribute, nil)
	}
	got, err := s.Ctx.GetAttributeValue(s.Handle, o, list)
	if err != nil {
		return nil, s.Answered(err)
	}
	values := make([][]byte, len(types))
	for i := range got {
		values[i] = got[i].Value
	}
	return values, nil
}

// Flag reads a boolean attribute. One that the object does not have is false:
// what cannot be set cannot be used.
func (s *Session) Flag(o Object, attribute uint) (bool, error) {
	values, err := s.Attributes(o, attribute)
	if err != nil {
		return false, err
	}
	return Truth(values[0]), nil
}
