package hsm

import (
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/probe"
	"byok/internal/hsm/trust"
	"byok/internal/keywrap"
)

// facts are what is found out once a token, since it does not change while the
// library is loaded.
type facts struct {
	probe.Facts
	form    keywrap.Form
	omitted map[string][]uint // see p11.Session
	given   map[Role]bool     // PINs that were set by another, and have not been used since: see settle
	trust   trust.Route       // what has worked
}

func (m *Module) tokenFacts(t Token) *facts {
	if m.facts[t.ID()] == nil {
		m.facts[t.ID()] = &facts{omitted: map[string][]uint{}, given: map[Role]bool{}}
	}
	return m.facts[t.ID()]
}

// Form returns [keywrap.OneCall] where the token offers CKM_RSA_AES_KEY_WRAP for
// wrapping and its library keeps the AES key of that call to itself, and
// [keywrap.TwoSteps] otherwise. That the mechanism does what it should is what
// [Session.ProbeOAEP] proves.
func (m *Module) Form(t Token) (keywrap.Form, error) {
	f := m.tokenFacts(t)
	if f.form != "" {
		return f.form, nil
	}
	t, err := m.Again(t)
	if err != nil {
		return "", err
	}
	f.form = keywrap.TwoSteps
	info, err := m.p.GetMechanismInfo(t.Slot, p11.Mechanism(pkcs11.CKM_RSA_AES_KEY_WRAP))
	if err == nil && info.Flags&pkcs11.CKF_WRAP != 0 && !m.LeaksInOneCall() {
		f.form = keywrap.OneCall
	}
	return f.form, nil
}

// LeaksInOneCall reports whether CKM_RSA_AES_KEY_WRAP of the library must not be
// used, nor left open to the user under KM. openCryptoki (3.27; rsa_aes_key_wrap
// in usr/lib/common/mech_rsa.c) makes the AES key of the call a token object that
// decrypts: while the call runs, another process that has the user PIN finds it by
// openCryptoki's own CKA_HIDDEN, copies it, and opens the blob. [Session.ProbeTrusted]
// proves that KM refuses the mechanism.
func (m *Module) LeaksInOneCall() bool { return strings.HasPrefix(m.Library, "openCryptoki ") }

// KeyWrap is the mechanism that is AES key wrap with padding, as in RFC 5649,
// on a token.
type KeyWrap = probe.KeyWrap

// KeyWrap finds the mechanism by trying: of CKM_AES_KEY_WRAP_KWP and
// CKM_AES_KEY_WRAP_PAD the first whose result opens in software as RFC 5649
// says. It is tried once a token, in any role.
func (s *Session) KeyWrap() (KeyWrap, error) { return s.Prober().KeyWrap() }
