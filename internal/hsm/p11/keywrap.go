package p11

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/pkcs11"
)

// KeyWrap is a mechanism that may be AES key wrap with padding, as in RFC 5649.
type KeyWrap struct {
	Name   string
	Number uint
	// Makers begin the names of the manufacturers whose number it is: numbers from
	// 0x80000000 are each vendor's own, and another's may be another mechanism. None
	// for a number of the standard.
	Makers []string
}

// keyWraps is the table, in the order in which they are tried. Each is proved by
// what it wraps to before it is used.
var keyWraps = []KeyWrap{
	{"CKM_AES_KEY_WRAP_KWP", KWP, nil},
	{"CKM_AES_KEY_WRAP_PAD", pkcs11.CKM_AES_KEY_WRAP_PAD, nil},
	// cryptoki_v2.h of Luna's client.
	{"CKM_AES_KWP", 0x80000171, []string{"SafeNet", "Thales", "Gemalto"}},
	// AWS CloudHSM's client SDK 5, and the modules of its maker. 0x8000210A, which pads
	// as PKCS #5 does, is not among them.
	{"CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD", 0x8000216F, []string{"Cavium", "Marvell", "AWS"}},
}

// String returns its name, with the number where that is a vendor's.
func (w KeyWrap) String() string {
	if w.Makers == nil {
		return w.Name
	}
	return fmt.Sprintf("%s (0x%X)", w.Name, w.Number)
}

// KeyWraps lists what may be tried on a token of which some of the mechanisms are
// listed: those of the standard, and those of its makers. makers is asked where a
// number is a vendor's.
func KeyWraps(listed func(uint) bool, makers func() []string) []KeyWrap {
	return slices.DeleteFunc(slices.Clone(keyWraps), func(w KeyWrap) bool {
		return w.Makers != nil && (!listed(w.Number) || !w.of(makers()))
	})
}

// of reports whether one of the makers is one of the mechanism's.
func (w KeyWrap) of(makers []string) bool {
	return slices.ContainsFunc(makers, func(maker string) bool {
		return slices.ContainsFunc(w.Makers, func(own string) bool {
			return len(maker) >= len(own) && strings.EqualFold(maker[:len(own)], own)
		})
	})
}

// KeyWrapName names the mechanism with a number of the table.
func KeyWrapName(number uint) string {
	i := slices.IndexFunc(keyWraps, func(w KeyWrap) bool { return w.Number == number })
	if i < 0 {
		return fmt.Sprintf("0x%X", number)
	}
	return keyWraps[i].String()
}

// Makers are the manufacturers that a library names: its own (C_GetInfo) and that of
// the token in a slot (C_GetTokenInfo). What does not answer is left out.
func Makers(p *pkcs11.Ctx, slot uint) (names []string) {
	if info, err := p.GetInfo(); err == nil {
		names = append(names, strings.TrimSpace(info.ManufacturerID))
	}
	if info, err := p.GetTokenInfo(slot); err == nil {
		names = append(names, strings.TrimSpace(info.ManufacturerID))
	}
	return names
}
