package probe

import (
	"bytes"
	"encoding/asn1"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/keykind"
	"byok/internal/keywrap"
)

// block is what AES key wrap fills a key up to, in bytes (RFC 5649, section 3).
const block = 8

// tried are the kinds of worthless key that ZeroPads wraps: the second if the
// first fills whole blocks, and so would show no zeros.
var tried = []string{"P-256", "P-384"}

// ZeroPads reports whether the token fills a private key's PKCS#8 up to eight
// bytes with zeros before it wraps, so that up to seven zero bytes stand behind
// the key inside the blob. SoftHSM 2.6.1 does, with CKM_AES_KEY_WRAP_PAD. It is
// found once a token, as user, by wrapping a worthless key in one call
// (CKM_RSA_AES_KEY_WRAP) or in two.
func (p *Prober) ZeroPads(oneCall bool) (bool, error) {
	if p.facts.padding != nil {
		return *p.facts.padding, nil
	}
	open := p.openTwoSteps
	if oneCall {
		open = p.openOneCall
	}
	pads, err := p.tryPadding(open)
	if err == nil {
		p.facts.padding = &pads
	}
	return pads, err
}

// opener wraps a worthless key, and opens the blob in software.
type opener func(p11.Object) ([]byte, error)

func (p *Prober) tryPadding(open opener) (bool, error) {
	for _, name := range tried {
		plain, err := p.wrapped(name, open)
		if err != nil {
			return false, err
		}
		size, behind, err := p.filling(plain)
		clear(plain)
		if err != nil || behind > 0 || size%block != 0 {
			return behind > 0, err
		}
	}
	return false, nil
}

// wrapped opens what a worthless key of a kind is wrapped to.
func (p *Prober) wrapped(name string, open opener) ([]byte, error) {
	if name == worthlessKind {
		key, err := p.plain(p11.PrivateKey)
		if err != nil {
			return nil, err
		}
		return open(key)
	}
	kind, err := keykind.Parse(name)
	if err != nil {
		return nil, err
	}
	key, err := p.generatePair(kind)
	if err != nil {
		return nil, err
	}
	defer p.s.Discard(key)
	return open(key)
}

func (p *Prober) openTwoSteps(o p11.Object) ([]byte, error) {
	mech, err := p.KeyWrap()
	if err != nil {
		return nil, err
	}
	under, err := p.knownAES()
	if err != nil {
		return nil, err
	}
	defer clear(under.value)
	blob, err := p.s.Wrap(p11.Mechanism(uint(mech)), under.object, o)
	if err != nil {
		return nil, p11.Fail("C_WrapKey of a worthless key with "+mech.String(), err)
	}
	plain, err := keywrap.Unwrap(under.value, blob)
	if err != nil {
		return nil, p.notPKCS8()
	}
	return plain, nil
}

// filling returns the size of the PKCS#8 structure, which is one DER sequence,
// and how many zero bytes stand behind it.
func (p *Prober) filling(plain []byte) (size, behind int, err error) {
	var outer asn1.RawValue
	rest, err := asn1.Unmarshal(plain, &outer)
	if err != nil || outer.Tag != asn1.TagSequence || len(rest) >= block || len(bytes.Trim(rest, "\x00")) > 0 {
		return 0, 0, p.notPKCS8()
	}
	return len(outer.FullBytes), len(rest), nil
}

func (p *Prober) notPKCS8() error {
	return exitcode.Errorf(exitcode.HSM, "%v does not wrap a private key as PKCS#8, which the vault needs", p.s.Token)
}
