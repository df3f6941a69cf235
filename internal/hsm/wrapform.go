package hsm

import (
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/probe"
)

// Form is how a module wraps: chosen once a module, recorded in its statement,
// and never mixed. Both give the same two parts, RSA-OAEP and AES key wrap.
type Form string

// The forms. TwoSteps needs an AES key between: KW for backups, a transfer key
// for the vault.
const (
	OneCall  Form = "one call"  // CKM_RSA_AES_KEY_WRAP
	TwoSteps Form = "two steps" // CKM_RSA_PKCS_OAEP and AES key wrap with padding
)

// outer is the one mechanism that KM and a KEK are used with.
func (f Form) outer() uint {
	if f == OneCall {
		return pkcs11.CKM_RSA_AES_KEY_WRAP
	}
	return pkcs11.CKM_RSA_PKCS_OAEP
}

// facts are what is found out once a token, since it does not change while the
// library is loaded.
type facts struct {
	probe.Facts
	form    Form
	omitted map[string][]uint // see p11.Session
}

func (m *Module) tokenFacts(t Token) *facts {
	if m.facts[t.ID()] == nil {
		m.facts[t.ID()] = &facts{omitted: map[string][]uint{}}
	}
	return m.facts[t.ID()]
}

// Form returns OneCall where the token offers CKM_RSA_AES_KEY_WRAP for
// wrapping, and TwoSteps otherwise. That the mechanism does what it should is
// what [Session.ProbeOAEP] proves.
func (m *Module) Form(t Token) (Form, error) {
	f := m.tokenFacts(t)
	if f.form != "" {
		return f.form, nil
	}
	t, err := m.Token(t.ID())
	if err != nil {
		return "", err
	}
	f.form = TwoSteps
	info, err := m.p.GetMechanismInfo(t.Slot, p11.Mechanism(pkcs11.CKM_RSA_AES_KEY_WRAP))
	if err == nil && info.Flags&pkcs11.CKF_WRAP != 0 {
		f.form = OneCall
	}
	return f.form, nil
}

// KeyWrap is the mechanism that is AES key wrap with padding, as in RFC 5649,
// on a token.
type KeyWrap = probe.KeyWrap

// KeyWrap finds the mechanism by trying: of CKM_AES_KEY_WRAP_KWP and
// CKM_AES_KEY_WRAP_PAD the first whose result opens in software as RFC 5649
// says. It is tried once a token, in any role.
func (s *Session) KeyWrap() (KeyWrap, error) { return s.prober().KeyWrap() }
