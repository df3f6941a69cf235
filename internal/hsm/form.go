package hsm

import (
	"crypto/rsa"
	"crypto/sha1"
	"errors"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/keywrap"
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

// Form returns OneCall where the token offers CKM_RSA_AES_KEY_WRAP for
// wrapping, and TwoSteps otherwise. That the mechanism does what it should is
// what [Session.ProbeOAEP] proves.
func (m *Module) Form(t Token) (Form, error) {
	t, err := m.Token(t.ID())
	if err != nil {
		return "", err
	}
	return m.formOf(t), nil
}

func (m *Module) formOf(t Token) Form {
	return m.tokenFacts(t).form(func() Form {
		info, err := m.p.GetMechanismInfo(t.Slot, mechanism(pkcs11.CKM_RSA_AES_KEY_WRAP))
		if err == nil && info.Flags&pkcs11.CKF_WRAP != 0 {
			return OneCall
		}
		return TwoSteps
	})
}

// ckmAESKeyWrapKWP is CKM_AES_KEY_WRAP_KWP (PKCS#11 v3.0, section 2.12.1),
// which is RFC 5649 by definition; CKM_AES_KEY_WRAP_PAD is it in some modules
// only.
const ckmAESKeyWrapKWP = 0x210B

// KeyWrap is the mechanism that is AES key wrap with padding, as in RFC 5649,
// on a token.
type KeyWrap uint

// String returns the mechanism's name.
func (w KeyWrap) String() string {
	if w == ckmAESKeyWrapKWP {
		return "CKM_AES_KEY_WRAP_KWP"
	}
	return "CKM_AES_KEY_WRAP_PAD"
}

// KeyWrap finds the mechanism by trying: of CKM_AES_KEY_WRAP_KWP and
// CKM_AES_KEY_WRAP_PAD the first whose result opens in software as RFC 5649
// says. It is tried once a token, in any role.
func (s *Session) KeyWrap() (KeyWrap, error) {
	facts := s.m.tokenFacts(s.Token)
	if facts.keyWrap != 0 {
		return facts.keyWrap, nil
	}
	found, err := s.tryKeyWraps()
	if err != nil {
		return 0, err
	}
	facts.keyWrap = found
	return found, nil
}

func (s *Session) tryKeyWraps() (KeyWrap, error) {
	aes, err := s.knownAES()
	if err != nil {
		return 0, err
	}
	defer s.Discard(aes.object)
	defer clear(aes.value)
	kwpErr := s.tryKeyWrap(ckmAESKeyWrapKWP, aes)
	if kwpErr == nil {
		return ckmAESKeyWrapKWP, nil
	}
	padErr := s.tryKeyWrap(pkcs11.CKM_AES_KEY_WRAP_PAD, aes)
	if padErr == nil {
		return pkcs11.CKM_AES_KEY_WRAP_PAD, nil
	}
	return 0, exitcode.Errorf(exitcode.HSM,
		"%v offers no AES key wrap with padding as in RFC 5649: CKM_AES_KEY_WRAP_KWP: %w; CKM_AES_KEY_WRAP_PAD: %w",
		s.Token, kwpErr, padErr)
}

// knownKey is a worthless key of the token's own making whose value is known.
type knownKey struct {
	object Object
	value  []byte
}

// knownAES has the token generate an AES-256 session key and learns its value
// by having it wrapped under an RSA key of the program's: some modules accept no
// secret key by value. That proves SHA-1 in RSA-OAEP as well, which some
// modules replace by a hash of their own choice.
func (s *Session) knownAES() (knownKey, error) {
	o, err := s.worthlessAES()
	if err != nil {
		return knownKey{}, err
	}
	value, err := s.learn(o)
	if err != nil {
		s.Discard(o)
		return knownKey{}, err
	}
	return knownKey{o, value}, nil
}

func (s *Session) learn(o Object) ([]byte, error) {
	private, public, err := s.attackerRSA()
	if err != nil {
		return nil, err
	}
	defer s.Discard(public)
	blob, err := s.p.WrapKey(s.h, oaepSHA1(), public, o)
	if err != nil {
		return nil, fail("C_WrapKey of a worthless key with RSA-OAEP (SHA-1)", err)
	}
	value, err := rsa.DecryptOAEP(sha1.New(), nil, private, blob, nil)
	if err != nil || len(value) != 32 {
		return nil, exitcode.Errorf(exitcode.HSM, "%v does not use SHA-1 in RSA-OAEP when asked to, which the vault needs", s.Token)
	}
	return value, nil
}

// tryKeyWrap wraps a second worthless key, of 192 bits, under aes.
func (s *Session) tryKeyWrap(m uint, aes knownKey) error {
	o, err := s.generateAES(worthless(SessionObject), 24)
	if err != nil {
		return err
	}
	defer s.Discard(o)
	blob, err := s.p.WrapKey(s.h, mechanism(m), aes.object, o)
	if err != nil {
		return named(err)
	}
	if got, err := keywrap.Unwrap(aes.value, blob); err != nil || len(got) != 24 {
		return errors.New("not RFC 5649")
	}
	return nil
}

func mechanism(m uint) []*pkcs11.Mechanism { return []*pkcs11.Mechanism{pkcs11.NewMechanism(m, nil)} }

// oaepSHA1 is what the service unwraps: SHA-1, MGF1 with SHA-1, empty label.
// SHA-1's collisions do not weaken OAEP (RFC 8017, section 7.1, needs no
// collision resistance of it).
func oaepSHA1() []*pkcs11.Mechanism {
	return []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_OAEP, oaepParams())}
}

func oaepParams() *pkcs11.OAEPParams {
	return pkcs11.NewOAEPParams(pkcs11.CKM_SHA_1, pkcs11.CKG_MGF1_SHA1, pkcs11.CKZ_DATA_SPECIFIED, nil)
}

func rsaAESKeyWrap() []*pkcs11.Mechanism {
	params := &pkcs11.RSAAESKeyWrapParams{AESKeyBits: 256, OAEPParams: *oaepParams()}
	return []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_AES_KEY_WRAP, params)}
}
