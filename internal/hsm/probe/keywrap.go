package probe

import (
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"fmt"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/keywrap"
)

// KeyWrap is the mechanism that is AES key wrap with padding, as in RFC 5649,
// on a token.
type KeyWrap uint

// String returns the mechanism's name, with the number where that is a vendor's.
func (w KeyWrap) String() string { return p11.KeyWrapName(uint(w)) }

// KeyWrap finds the mechanism by trying: of those of [p11.KeyWraps] the first whose
// result opens in software as RFC 5649 says. It is tried once a token, in any role.
func (p *Prober) KeyWrap() (KeyWrap, error) {
	if p.facts.keyWrap != 0 {
		return p.facts.keyWrap, nil
	}
	found, err := p.tryKeyWraps()
	if err != nil {
		return 0, err
	}
	p.facts.keyWrap = found
	return found, nil
}

func (p *Prober) tryKeyWraps() (KeyWrap, error) {
	key, err := p.knownAES()
	if err != nil {
		return 0, err
	}
	defer clear(key.value)
	o, err := p.generateAES(worthless(p11.SessionObject), 24)
	if err != nil {
		return 0, err
	}
	defer p.s.Discard(o)
	return p.firstKeyWrap(key, o)
}

func (p *Prober) firstKeyWrap(key knownKey, o p11.Object) (KeyWrap, error) {
	listed, err := p.listed()
	if err != nil {
		return 0, err
	}
	makers := func() []string { return p11.Makers(p.s.Ctx, p.slot) }
	var all error
	for _, w := range p11.KeyWraps(func(m uint) bool { return listed[m] }, makers) {
		err := p.tryKeyWrap(w.Number, key, o)
		switch {
		case err == nil || p11.Gone(err):
			return KeyWrap(w.Number), err
		case all == nil:
			all = fmt.Errorf("%v: %w", w, err)
		default:
			all = fmt.Errorf("%w; %v: %w", all, w, err)
		}
	}
	return 0, exitcode.Errorf(exitcode.HSM, "%v offers no AES key wrap with padding as in RFC 5649: %w", p.s.Token, all)
}

// knownKey is a worthless key of the token's own making whose value is known.
type knownKey struct {
	object p11.Object
	value  []byte
}

// knownAES learns the value of a worthless AES-256 session key by having it
// wrapped under an RSA key of this process: some modules accept no secret key
// by value. That proves SHA-1 in RSA-OAEP as well, which some modules replace
// by a hash of their own choice.
func (p *Prober) knownAES() (knownKey, error) {
	o, err := p.plain(p11.SecretKey)
	if err != nil {
		return knownKey{}, err
	}
	public, err := p.plain(p11.PublicKey)
	if err != nil {
		return knownKey{}, err
	}
	blob, err := p.s.Wrap(p11.OAEP(), public, o)
	if err != nil {
		return knownKey{}, p11.Fail("C_WrapKey of a worthless key with RSA-OAEP (SHA-1)", err)
	}
	p.controls[controlWrap] = nil // it was this very call
	private, err := attackerKey()
	if err != nil {
		return knownKey{}, err
	}
	value, err := rsa.DecryptOAEP(sha1.New(), nil, private, blob, nil)
	if err != nil || len(value) != 32 {
		return knownKey{}, exitcode.Errorf(exitcode.HSM,
			"%v does not use SHA-1 in RSA-OAEP when asked to, which the vault needs", p.s.Token)
	}
	return knownKey{o, value}, nil
}

// tryKeyWrap wraps a second worthless key, of 192 bits, under a known one.
func (p *Prober) tryKeyWrap(m uint, under knownKey, o p11.Object) error {
	listed, err := p.listed()
	if err != nil {
		return err
	}
	if !listed[m] {
		return errors.New("not listed")
	}
	blob, err := p.s.Wrap(p11.Mechanism(m), under.object, o)
	if p11.Gone(err) {
		return p11.Fail("C_WrapKey of a worthless key with "+KeyWrap(m).String(), err)
	}
	if err != nil {
		return p11.Named(err)
	}
	if got, err := keywrap.Unwrap(under.value, blob); err != nil || len(got) != 24 {
		return errors.New("not RFC 5649")
	}
	return nil
}

// TwoSteps proves that the token uses SHA-1 in RSA-OAEP and RFC 5649 in AES key
// wrap: the vault would refuse the blob without a reason.
func (p *Prober) TwoSteps() (err error) {
	p.facts.keyWrap, err = p.tryKeyWraps()
	return err
}

// Wraps names the mechanisms that keys are wrapped with in a form, once that was
// proved.
func (p *Prober) Wraps(form keywrap.Form) string {
	if form == keywrap.OneCall {
		return "CKM_RSA_AES_KEY_WRAP"
	}
	return "CKM_RSA_PKCS_OAEP and " + p.facts.keyWrap.String()
}

// OAEP proves that the token uses SHA-1 in RSA-OAEP.
func (p *Prober) OAEP() error {
	key, err := p.knownAES()
	clear(key.value)
	return err
}

// OneCall proves that the token uses SHA-1 in RSA-OAEP and RFC 5649 inside
// CKM_RSA_AES_KEY_WRAP.
func (p *Prober) OneCall() error {
	key, err := p.plain(p11.SecretKey)
	if err != nil {
		return err
	}
	plain, err := p.openOneCall(key)
	clear(plain)
	return err
}

// openOneCall wraps a worthless key in one call, and opens the blob in
// software.
func (p *Prober) openOneCall(o p11.Object) ([]byte, error) {
	public, err := p.plain(p11.PublicKey)
	if err != nil {
		return nil, err
	}
	blob, err := p.s.Wrap(p11.RSAAES(), public, o)
	if err != nil {
		return nil, p11.Fail("C_WrapKey of a worthless key with CKM_RSA_AES_KEY_WRAP", err)
	}
	private, err := attackerKey()
	if err != nil {
		return nil, err
	}
	return p.opens(private, blob)
}

func (p *Prober) opens(private *rsa.PrivateKey, blob []byte) ([]byte, error) {
	at := min(len(blob), private.Size())
	key, err := rsa.DecryptOAEP(sha1.New(), nil, private, blob[:at], nil)
	if err != nil || len(key) != 32 {
		return nil, exitcode.Errorf(exitcode.HSM,
			"%v does not use SHA-1 in CKM_RSA_AES_KEY_WRAP when asked to, which the vault needs", p.s.Token)
	}
	defer clear(key)
	plain, err := keywrap.Unwrap(key, blob[at:])
	if err != nil {
		return nil, exitcode.Errorf(exitcode.HSM,
			"%v does not wrap as in RFC 5649 in CKM_RSA_AES_KEY_WRAP, which the vault needs", p.s.Token)
	}
	return plain, nil
}
