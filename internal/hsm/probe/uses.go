package probe

import (
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/keykind"
)

// WrapsOnly tries to use a trusted AES key for anything but wrapping: to unwrap
// and to decrypt with it.
func (p *Prober) WrapsOnly(k Target) error {
	if err := p.refusesUnwrap(k); err != nil {
		return err
	}
	return p.refused(attempt{
		gain:    k.Name + " decrypts",
		err:     decrypting(pkcs11.CKM_AES_ECB).try(p, k.Object),
		name:    "decrypt",
		control: func() error { return p.withOpener(p.decrypts) },
	})
}

func (p *Prober) decrypts(o p11.Object) error { return decrypting(pkcs11.CKM_AES_ECB).try(p, o) }

// refusesUnwrap gives a wrapping key what it has wrapped itself, so that
// nothing but the permission stands in the way of opening it.
func (p *Prober) refusesUnwrap(k Target) error {
	return p.refused(attempt{
		gain:    k.Name + " unwraps what it has wrapped",
		err:     p.unwrapOwn(k.Object),
		name:    "unwrap",
		control: func() error { return p.withOpener(p.unwrapOwn) },
	})
}

// unwrapOwn leaves EXTRACTABLE out: openCryptoki 3.27 takes it in no
// C_UnwrapKey, and makes what it unwraps extractable.
func (p *Prober) unwrapOwn(o p11.Object) error {
	t := worthless(p11.SessionObject).Without(pkcs11.CKA_EXTRACTABLE)
	opened, err := p.throughWrap(o, labelled(t, p11.Classed(p11.SecretKey, pkcs11.CKK_AES)...))
	if err == nil {
		p.s.Discard(opened)
	}
	return err
}

// WrapsNothing tries to wrap with a public key whose WRAP is false.
func (p *Prober) WrapsNothing(k Target) error {
	return p.refused(attempt{
		gain: k.Name + " wraps",
		err:  p.wrapWorthless(k.Object),
		name: controlWrap,
		control: func() error {
			outer, err := p.plain(p11.PublicKey)
			if err != nil {
				return err
			}
			return p.wrapWorthless(outer)
		},
	})
}

// controlWrap names the control that wraps a worthless key with RSA-OAEP.
const controlWrap = "wrap"

func (p *Prober) wrapWorthless(outer p11.Object) error {
	key, err := p.plain(p11.SecretKey)
	if err != nil {
		return err
	}
	_, err = p.s.Wrap(p11.OAEP(), outer, key)
	return err
}

// use is an operation of a key that a transfer copy must not have.
type use struct {
	verb      string
	attribute uint
	mechanism uint
	begin     func(*pkcs11.Ctx, pkcs11.SessionHandle, []*pkcs11.Mechanism, p11.Object) error
	end       func(*pkcs11.Ctx, pkcs11.SessionHandle, []byte) ([]byte, error)
}

func signing(m uint) use {
	return use{"signs", pkcs11.CKA_SIGN, m, (*pkcs11.Ctx).SignInit, (*pkcs11.Ctx).Sign}
}

func decrypting(m uint) use {
	return use{"decrypts", pkcs11.CKA_DECRYPT, m, (*pkcs11.Ctx).DecryptInit, (*pkcs11.Ctx).Decrypt}
}

func encrypting(m uint) use {
	return use{"encrypts", pkcs11.CKA_ENCRYPT, m, (*pkcs11.Ctx).EncryptInit, (*pkcs11.Ctx).Encrypt}
}

// usesOf lists what keys of each type are used for.
var usesOf = map[keykind.Type][]use{
	keykind.RSA: {signing(pkcs11.CKM_RSA_PKCS), decrypting(pkcs11.CKM_RSA_PKCS)},
	keykind.EC:  {signing(pkcs11.CKM_ECDSA)},
	keykind.AES: {encrypting(pkcs11.CKM_AES_ECB), decrypting(pkcs11.CKM_AES_ECB)},
}

// Useless starts each operation that keys of the type are made for, and that a
// transfer copy has lost. The control is the key that it was made of.
func (p *Prober) Useless(k Target, kind keykind.Kind, original p11.Object) error {
	for _, u := range usesOf[kind.Type] {
		err := p.refused(attempt{
			gain:    fmt.Sprintf("%s %s although CKA_%s is false", k.Name, u.verb, p11.Name(u.attribute)),
			err:     u.try(p, k.Object),
			name:    fmt.Sprintf("%v %s", kind, u.verb),
			control: func() error { return u.try(p, original) },
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// try begins an operation and, if it was let, ends it: the session could begin
// no other until then.
func (u use) try(p *Prober, o p11.Object) error {
	err := u.begin(p.s.Ctx, p.s.Handle, p11.Mechanism(u.mechanism), o)
	if err == nil {
		_, _ = u.end(p.s.Ctx, p.s.Handle, make([]byte, 16))
	}
	return p.s.Answered(err)
}
