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

func (s Slots) neededMechanisms(t Token, listed func(uint) bool) []needed {
	var wraps []uint
	for _, w := range p11.KeyWraps(listed, func() []string { return p11.Makers(s.p, t.Slot) }) {
		wraps = append(wraps, w.Number)
	}
	return []needed{
		{"CKM_RSA_PKCS_KEY_PAIR_GEN", []uint{pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN}},
		{"CKM_EC_KEY_PAIR_GEN", []uint{pkcs11.CKM_EC_KEY_PAIR_GEN}},
		{"CKM_ECDSA", []uint{pkcs11.CKM_ECDSA}},
		{"CKM_AES_KEY_GEN", []uint{pkcs11.CKM_AES_KEY_GEN}},
		{"CKM_RSA_PKCS_OAEP", []uint{pkcs11.CKM_RSA_PKCS_OAEP}},
		{"CKM_AES_KEY_WRAP_KWP or CKM_AES_KEY_WRAP_PAD", wraps},
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
	listed := func(m uint) bool {
		return slices.ContainsFunc(list, func(o *pkcs11.Mechanism) bool { return o.Mechanism == m })
	}
	for _, n := range s.neededMechanisms(t, listed) {
		if !slices.ContainsFunc(n.any, listed) {
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
