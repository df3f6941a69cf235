package probe

import (
	"slices"
	"strconv"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/keywrap"
)

// TestVendorsKeyWrap: the number of a vendor's own is used on that vendor's token,
// once it is proved to be RFC 5649, and on no other: there it is listed by number.
func TestVendorsKeyWrap(t *testing.T) {
	const none = "offers no AES key wrap with padding as in RFC 5649: CKM_AES_KEY_WRAP_KWP: not listed; " +
		"CKM_AES_KEY_WRAP_PAD: not listed"
	for _, c := range []struct {
		name, number, library, token string
		want                         string // what it is called, or the error
	}{
		{"Luna's, by the library", "0x80000171", "SafeNet, Inc.", "", "CKM_AES_KWP (0x80000171)"},
		{"Luna's, by the token", "0x80000171", "", "Thales", "CKM_AES_KWP (0x80000171)"},
		{"CloudHSM's", "0x8000216F", "Cavium, Inc", "", "CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD (0x8000216F)"},
		{"another maker's", "0x80000171", "Cavium, Inc", "", none},
		{"no one's", "0x8000210A", "Cavium, Inc", "", none},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			t.Setenv("SHIM_KEY_WRAP", c.number)
			t.Setenv("SHIM_MAKER", c.library)
			t.Setenv("SHIM_MANUFACTURER", c.token)
			r.facts.listed, r.facts.keyWrap = nil, 0
			got, err := r.KeyWrap()
			others, otherErr := r.Unknown(pkcs11.CKF_WRAP)
			ok(t, otherErr)
			number := must[uint64](t)(strconv.ParseUint(c.number, 0, 64))
			listed := slices.Contains(others, uint(number))
			if c.want == none {
				expect(t, err, none, "")
				if !listed {
					t.Errorf("not among the others: %x", others)
				}
				return
			}
			ok(t, err)
			if got.String() != c.want || listed {
				t.Errorf("%v, others %x", got, others)
			}
			ok(t, r.TwoSteps())
			if w := r.Wraps(keywrap.TwoSteps); w != "CKM_RSA_PKCS_OAEP and "+c.want {
				t.Error(w)
			}
			if w := r.Wraps(keywrap.OneCall); w != "CKM_RSA_AES_KEY_WRAP" {
				t.Error(w)
			}
		})
	}
}
