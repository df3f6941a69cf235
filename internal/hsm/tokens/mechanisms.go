package tokens

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/term"
)

// needed is a mechanism that no ceremony can do without, or the choice of
// several of which one will do.
type needed struct {
	name string
	any  []uint
}

func neededMechanisms() []needed {
	return []needed{
		{"CKM_RSA_PKCS_KEY_PAIR_GEN", []uint{pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN}},
		{"CKM_EC_KEY_PAIR_GEN", []uint{pkcs11.CKM_EC_KEY_PAIR_GEN}},
		{"CKM_ECDSA", []uint{pkcs11.CKM_ECDSA}},
		{"CKM_AES_KEY_GEN", []uint{pkcs11.CKM_AES_KEY_GEN}},
		{"CKM_RSA_PKCS_OAEP", []uint{pkcs11.CKM_RSA_PKCS_OAEP}},
		{"CKM_AES_KEY_WRAP_KWP or CKM_AES_KEY_WRAP_PAD", []uint{p11.KWP, pkcs11.CKM_AES_KEY_WRAP_PAD}},
	}
}

// CheckMechanisms reads the token's list of mechanisms, which needs no login,
// and refuses a token that lacks one the ceremony cannot do without. That the
// others do what they should is for the probes to prove.
func (s Slots) CheckMechanisms(t Token) error {
	if t.Initialised { // its slot may be another by now
		now, err := s.Again(t)
		if err != nil {
			return err
		}
		t = now
	}
	list, err := s.p.GetMechanismList(t.Slot)
	if err != nil {
		return p11.Contact(p11.Fail(fmt.Sprintf("C_GetMechanismList of slot %d", t.Slot), err))
	}
	var lacking []string
	for _, n := range neededMechanisms() {
		offered := func(m *pkcs11.Mechanism) bool { return slices.Contains(n.any, m.Mechanism) }
		if !slices.ContainsFunc(list, offered) {
			lacking = append(lacking, n.name)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return exitcode.Errorf(exitcode.HSM, "the token in slot %d does not offer %s, which the ceremony needs",
		t.Slot, strings.Join(lacking, ", ")).
		Hint("byok-offline module check --module-path %s", term.Quote(s.path))
}
