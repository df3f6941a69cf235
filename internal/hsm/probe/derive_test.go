package probe

import (
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"
)

const concatenate = "0x360"

// derives sets what the module derives with, and by which rule.
func derives(t *testing.T, mechanisms, rule string) {
	t.Helper()
	t.Setenv("SHIM_DERIVE", mechanisms)
	t.Setenv("SHIM_DERIVE_RULE", rule)
}

// TestDerives: each rule by which a module may let keys be derived.
func TestDerives(t *testing.T) {
	const (
		asBase    = ", as the base key"
		asOther   = ", as the other key"
		revealed  = "key can be revealed with "
		worthless = ": with worthless keys: "
		joined    = revealed + "CKM_CONCATENATE_BASE_AND_KEY"
	)
	for _, c := range []struct {
		name, mechanisms, rule string
		want                   string // "" if enforced
		hint                   string
	}{
		{"refused", "0x360,0x362,0x363,0x364,0x365", "", "", ""},
		{"refused by its type", concatenate, "class", "", ""},
		{"neither read nor wrapped", concatenate, "inherit", "", ""},
		{"not for C_DeriveKey", concatenate, "unused", "", ""},
		{"one-way", "0x393,0x1104,0x1050,0x21", "open", "", ""},
		{"any key", concatenate, "open", dishonest + joined + asBase, otherModule},
		{"the standard", concatenate, "standard", dishonest + joined + asBase, otherModule},
		{"data behind", "0x362", "open", dishonest + revealed + "CKM_CONCATENATE_BASE_AND_DATA" + asBase, otherModule},
		{"data in front", "0x363", "open", dishonest + revealed + "CKM_CONCATENATE_DATA_AND_BASE" + asBase, otherModule},
		{"data", "0x364", "open", dishonest + revealed + "CKM_XOR_BASE_AND_DATA" + asBase, otherModule},
		{"a part", "0x365", "open", dishonest + revealed + "CKM_EXTRACT_KEY_FROM_KEY" + asBase, otherModule},
		{
			"the same for all", concatenate, "constant",
			noAnswer + joined + asBase + ": C_DeriveKey gives the same key for different keys", "",
		},
		{
			"nonsense", concatenate, fmt.Sprintf("0x%x", pkcs11.CKR_GENERAL_ERROR),
			noAnswer + joined + asBase + ": CKR_GENERAL_ERROR", "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			derives(t, c.mechanisms, c.rule)
			for _, key := range []Target{r.aes(t), r.pair(t, kind(t, "P-256"))} {
				err := r.Derives(key)
				if c.want != "" {
					expect(t, err, c.want, c.hint)
				} else if err != nil {
					t.Errorf("%v: %v", key.Class, err)
				}
				if on, err := r.s.Flag(key.Object, pkcs11.CKA_DERIVE); err != nil || on {
					t.Errorf("DERIVE is left on %v: %t, %v", key.Class, on, err)
				}
			}
		})
	}
}
