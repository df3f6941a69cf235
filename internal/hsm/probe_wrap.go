package hsm

import (
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/keywrap"
)

// wrapMechanism is a mechanism of C_WrapKey whose parameters are known.
type wrapMechanism struct {
	name string
	key  wrapper // the kind of key it wraps under
	make func() *pkcs11.Mechanism
}

// wrapper is a kind of wrapping key that anyone can make.
type wrapper string

// The kinds of wrapping key.
const (
	underRSA  wrapper = "an RSA key"
	underAES  wrapper = "an AES key"
	underDES3 wrapper = "a triple DES key"
)

// wrapMechanisms are the mechanisms that WRAP_WITH_TRUSTED is tried with.
var wrapMechanisms = []wrapMechanism{
	{"CKM_RSA_PKCS_OAEP", underRSA, func() *pkcs11.Mechanism { return oaepSHA1()[0] }},
	{"CKM_RSA_PKCS", underRSA, bare(pkcs11.CKM_RSA_PKCS)},
	{"CKM_RSA_X_509", underRSA, bare(pkcs11.CKM_RSA_X_509)},
	{"CKM_RSA_AES_KEY_WRAP", underRSA, func() *pkcs11.Mechanism { return rsaAESKeyWrap()[0] }},
	{"CKM_AES_KEY_WRAP", underAES, bare(pkcs11.CKM_AES_KEY_WRAP)},
	{"CKM_AES_KEY_WRAP_PAD", underAES, bare(pkcs11.CKM_AES_KEY_WRAP_PAD)},
	{"CKM_AES_KEY_WRAP_KWP", underAES, bare(ckmAESKeyWrapKWP)},
	{"CKM_AES_ECB", underAES, bare(pkcs11.CKM_AES_ECB)},
	{"CKM_AES_CBC", underAES, withIV(pkcs11.CKM_AES_CBC, 16)},
	{"CKM_AES_CBC_PAD", underAES, withIV(pkcs11.CKM_AES_CBC_PAD, 16)},
	{"CKM_DES3_ECB", underDES3, bare(pkcs11.CKM_DES3_ECB)},
	{"CKM_DES3_CBC", underDES3, withIV(pkcs11.CKM_DES3_CBC, 8)},
	{"CKM_DES3_CBC_PAD", underDES3, withIV(pkcs11.CKM_DES3_CBC_PAD, 8)},
}

func bare(m uint) func() *pkcs11.Mechanism {
	return func() *pkcs11.Mechanism { return pkcs11.NewMechanism(m, nil) }
}

func withIV(m uint, size int) func() *pkcs11.Mechanism {
	return func() *pkcs11.Mechanism { return pkcs11.NewMechanism(m, make([]byte, size)) }
}

// refusesUntrustedWrap tries to wrap o under keys that are not trusted, with
// each mechanism that the token lists. A mechanism that cannot wrap an
// unrestricted key of the class either is no way out; one at least must be
// refused where it works without the restriction.
func (s *Session) refusesUntrustedWrap(o Object, name string, class Class) error {
	listed, err := s.m.listed(s.Token)
	if err != nil {
		return err
	}
	answered := false
	unanswered := s.notAnswered(name+" can be wrapped under a key that is not trusted", errNoWrapping)
	for _, w := range wrapMechanisms {
		if !listed[w.make().Mechanism] {
			continue
		}
		switch err := s.refusesWrapBy(w, o, name, class); {
		case err == nil:
			answered = true
		case !errors.Is(err, ErrNotAnswered) || Gone(err):
			return err
		default:
			unanswered = err
		}
	}
	if answered {
		return nil
	}
	return unanswered
}

// errNoWrapping is why WRAP_WITH_TRUSTED cannot be tried.
var errNoWrapping = errors.New("the token lists no mechanism to wrap with")

func (s *Session) refusesWrapBy(w wrapMechanism, o Object, name string, class Class) error {
	return s.refused(attempt{
		gain: fmt.Sprintf("%s can be wrapped with %s under %s that is not trusted", name, w.name, w.key),
		err:  s.wrapBy(w, o),
		name: fmt.Sprintf("wrap %v %s", class, w.name),
		control: func() error {
			plain, err := s.plainOf(class)
			if err != nil {
				return err
			}
			return s.wrapBy(w, plain)
		},
	})
}

func (s *Session) wrapBy(w wrapMechanism, o Object) error {
	outer, err := s.untrusted(w.key)
	if err != nil {
		return err
	}
	_, err = s.p.WrapKey(s.h, []*pkcs11.Mechanism{w.make()}, outer, o)
	return err
}

// untrusted returns a wrapping key that is not trusted.
func (s *Session) untrusted(kind wrapper) (Object, error) {
	switch kind {
	case underRSA:
		return s.plainOf(PublicKey)
	case underAES:
		return s.plainOf(SecretKey)
	}
	return s.plain(string(kind), s.worthlessDES3)
}

// ProbeOAEP proves that the token, when it wraps in the given form, uses SHA-1
// in RSA-OAEP and RFC 5649: the vault would refuse the blob without a reason.
// Some modules use another hash than they are asked for.
func (s *Session) ProbeOAEP(form Form) error {
	if form == TwoSteps {
		_, err := s.tryKeyWraps()
		return err
	}
	key, err := s.worthlessAES()
	if err != nil {
		return err
	}
	defer s.Discard(key)
	private, public, err := s.attackerRSA()
	if err != nil {
		return err
	}
	defer s.Discard(public)
	blob, err := s.wrapOnce(public, Key{Label: "a worthless key", object: key})
	if err != nil {
		return err
	}
	return s.opens(private, blob)
}

func (s *Session) opens(private *rsa.PrivateKey, blob []byte) error {
	outer, inner := blob[:min(len(blob), private.Size())], blob[min(len(blob), private.Size()):]
	aes, err := rsa.DecryptOAEP(sha1.New(), nil, private, outer, nil)
	if err != nil || len(aes) != 32 {
		return exitcode.Errorf(exitcode.HSM,
			"%v does not use SHA-1 in CKM_RSA_AES_KEY_WRAP when asked to, which the vault needs", s.Token)
	}
	if _, err := keywrap.Unwrap(aes, inner); err != nil {
		return exitcode.Errorf(exitcode.HSM, "%v does not wrap as in RFC 5649 in CKM_RSA_AES_KEY_WRAP, which the vault needs", s.Token)
	}
	return nil
}
