package hsm

import (
	"slices"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/keywrap"
)

// Wrapping is what a key is wrapped under: KM and KW for a backup, a KEK and
// its transfer key for the vault.
type Wrapping struct {
	Form  keywrap.Form
	Outer Object // KM or the KEK
	Inner Object // KW or the transfer key; unused in one call
	// OAEP is the first part if it exists already: KW under KM, as MakeKW
	// returned it. It is nil for a transfer key, and unused in one call.
	OAEP []byte
}

// Wrap wraps a key: RSA-OAEP (SHA-1, MGF1-SHA1) of an AES-256 key under the
// outer key, as long as its modulus, then RFC 5649 of the key under that AES
// key: CKM_RSA_AES_KEY_WRAP (PKCS#11 v2.40, section 2.1.21) in either form.
// The first part of a backup in two steps is the same for all keys.
func (s *Session) Wrap(w Wrapping, k Key) ([]byte, error) {
	switch w.Form {
	case keywrap.OneCall:
		return s.wrapOnce(w.Outer, k)
	case keywrap.TwoSteps:
		return s.wrapTwice(w, k)
	}
	return nil, exitcode.Errorf(exitcode.Failed, "form of wrapping %q: expected %q or %q", w.Form,
		keywrap.OneCall, keywrap.TwoSteps)
}

func (s *Session) wrapOnce(outer Object, k Key) ([]byte, error) {
	blob, err := s.raw.Wrap(p11.RSAAES(), outer, k.object)
	if err != nil {
		return nil, p11.Fail("C_WrapKey of "+k.Label+" with CKM_RSA_AES_KEY_WRAP", err)
	}
	return blob, nil
}

func (s *Session) wrapTwice(w Wrapping, k Key) ([]byte, error) {
	mech, err := s.KeyWrap()
	if err != nil {
		return nil, err
	}
	inner, err := s.raw.Wrap(p11.Mechanism(uint(mech)), w.Inner, k.object)
	if err != nil {
		return nil, p11.Fail("C_WrapKey of "+k.Label+" with "+mech.String(), err)
	}
	outer := w.OAEP
	if outer == nil {
		if outer, err = s.wrapOAEP(w.Outer, w.Inner, "the transfer key under the KEK"); err != nil {
			return nil, err
		}
	}
	return slices.Concat(outer, inner), nil
}

func (s *Session) wrapOAEP(outer, inner Object, what string) ([]byte, error) {
	blob, err := s.raw.Wrap(p11.OAEP(), outer, inner)
	if err != nil {
		return nil, p11.Fail("C_WrapKey of "+what+" with RSA-OAEP (SHA-1)", err)
	}
	return blob, nil
}
