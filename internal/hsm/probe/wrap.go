package probe

import (
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// wrapper is a kind of wrapping key that anyone can make.
type wrapper string

// The kinds of wrapping key.
const (
	underRSA  wrapper = "an RSA key"
	underAES  wrapper = "an AES key"
	underDES3 wrapper = "a triple DES key"
)

// wrapping is a mechanism of C_WrapKey whose parameters are known.
type wrapping struct {
	name string
	key  wrapper // what it wraps under
	make func() []*pkcs11.Mechanism

	travels bool // its blobs are those of backups and packages
}

// wrappings are the mechanisms that WRAP_WITH_TRUSTED is tried with.
var wrappings = []wrapping{
	{"CKM_RSA_PKCS_OAEP", underRSA, p11.OAEP, true},
	{"CKM_RSA_PKCS", underRSA, bare(pkcs11.CKM_RSA_PKCS), false},
	{"CKM_RSA_X_509", underRSA, bare(pkcs11.CKM_RSA_X_509), false},
	{"CKM_RSA_AES_KEY_WRAP", underRSA, p11.RSAAES, true},
	{"CKM_AES_KEY_WRAP", underAES, bare(pkcs11.CKM_AES_KEY_WRAP), false},
	{"CKM_AES_KEY_WRAP_PAD", underAES, bare(pkcs11.CKM_AES_KEY_WRAP_PAD), true},
	{"CKM_AES_KEY_WRAP_KWP", underAES, bare(p11.KWP), true},
	{"CKM_AES_ECB", underAES, bare(pkcs11.CKM_AES_ECB), false},
	{"CKM_AES_CBC", underAES, withIV(pkcs11.CKM_AES_CBC, 16), false},
	{"CKM_AES_CBC_PAD", underAES, withIV(pkcs11.CKM_AES_CBC_PAD, 16), false},
	{"CKM_DES3_ECB", underDES3, bare(pkcs11.CKM_DES3_ECB), false},
	{"CKM_DES3_CBC", underDES3, withIV(pkcs11.CKM_DES3_CBC, 8), false},
	{"CKM_DES3_CBC_PAD", underDES3, withIV(pkcs11.CKM_DES3_CBC_PAD, 8), false},
}

func bare(m uint) func() []*pkcs11.Mechanism {
	return func() []*pkcs11.Mechanism { return p11.Mechanism(m) }
}

func withIV(m uint, size int) func() []*pkcs11.Mechanism {
	return func() []*pkcs11.Mechanism {
		return []*pkcs11.Mechanism{pkcs11.NewMechanism(m, make([]byte, size))}
	}
}

// errNoWrapping is why WRAP_WITH_TRUSTED cannot be tried.
var errNoWrapping = errors.New("the token lists no mechanism to wrap with")

// WrapWithTrusted tries to wrap a key under keys that are not trusted, with
// every mechanism of the table that the token lists. One that cannot wrap an
// unrestricted key of the class either leads nowhere; one at least must be
// refused where it works without the restriction.
func (p *Prober) WrapWithTrusted(k Target) error {
	return p.wrapWithTrusted(k, func(wrapping) bool { return true })
}

// WrapWithTrustedAgain is WrapWithTrusted with the mechanisms of backups and
// packages alone.
func (p *Prober) WrapWithTrustedAgain(k Target) error {
	return p.wrapWithTrusted(k, func(w wrapping) bool { return w.travels })
}

func (p *Prober) wrapWithTrusted(k Target, among func(wrapping) bool) error {
	listed, err := p.listed()
	if err != nil {
		return err
	}
	tries := several{last: p.notAnswered(k.Name+" can be wrapped under a key that is not trusted", errNoWrapping)}
	for _, w := range wrappings {
		if !among(w) || !listed[w.make()[0].Mechanism] {
			continue
		}
		if err := tries.add(p.refusesWrap(w, k)); err != nil {
			return err
		}
	}
	return tries.outcome()
}

func (p *Prober) refusesWrap(w wrapping, k Target) error {
	return p.refused(attempt{
		gain: fmt.Sprintf("%s can be wrapped with %s under %s that is not trusted", k.Name, w.name, w.key),
		err:  p.wrapBy(w, k.Object),
		name: fmt.Sprintf("wrap %v %s", k.Class, w.name),
		control: func() error {
			plain, err := p.plain(k.Class)
			if err != nil {
				return err
			}
			return p.wrapBy(w, plain)
		},
	})
}

func (p *Prober) wrapBy(w wrapping, o p11.Object) error {
	outer, err := p.untrusted(w.key)
	if err != nil {
		return err
	}
	_, err = p.s.Wrap(w.make(), outer, o)
	return err
}

// untrusted returns a wrapping key that is not trusted.
func (p *Prober) untrusted(kind wrapper) (p11.Object, error) {
	switch kind {
	case underRSA:
		return p.plain(p11.PublicKey)
	case underAES:
		return p.plain(p11.SecretKey)
	}
	return p.object(string(kind), func() (p11.Object, error) {
		return p.s.Generate(pkcs11.CKM_DES3_KEY_GEN, labelled(worthless(p11.SessionObject)))
	})
}
