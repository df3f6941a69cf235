package probe

import (
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/wrapping"
)

// throughWrap wraps a worthless key under o and unwraps it again.
func (p *Prober) throughWrap(o p11.Object, template []*pkcs11.Attribute) (p11.Object, error) {
	m, err := p.roundTrip()
	if err != nil {
		return 0, err
	}
	return p.trip(m, o, template)
}

func (p *Prober) trip(m []*pkcs11.Mechanism, o p11.Object, template []*pkcs11.Attribute) (p11.Object, error) {
	key, err := p.plain(p11.SecretKey)
	if err != nil {
		return 0, err
	}
	blob, err := p.s.Wrap(m, o, key)
	if err != nil {
		return 0, p11.Fail("C_WrapKey of a worthless key", err)
	}
	return p.s.Unwrap(m, o, blob, template)
}

// roundTrip returns the mechanism by which worthless keys are wrapped and
// unwrapped: AES key wrap with padding or, where the token has none that is RFC
// 5649, the first mechanism of the table that does both. What rests on it does
// not depend on RFC 5649.
func (p *Prober) roundTrip() ([]*pkcs11.Mechanism, error) {
	if p.tripper != nil {
		return p.tripper(), nil
	}
	mech, err := p.KeyWrap()
	if err == nil {
		return p11.Mechanism(uint(mech)), nil
	}
	if p11.Gone(err) {
		return nil, err
	}
	listed, listErr := p.listed()
	if listErr != nil {
		return nil, listErr
	}
	for _, w := range wrapping.Table {
		if w.Key != wrapping.UnderAES || w.OneWay || !listed[w.Number()] {
			continue
		}
		if tripErr := p.tryTrip(w); tripErr == nil {
			p.tripper = w.Make
			return w.Make(), nil
		} else if p11.Gone(tripErr) {
			return nil, tripErr
		}
	}
	return nil, err
}

func (p *Prober) tryTrip(w wrapping.Mechanism) error {
	opener, err := p.opener()
	if err != nil {
		return err
	}
	t := worthless(p11.SessionObject).Without(pkcs11.CKA_EXTRACTABLE)
	opened, err := p.trip(w.Make(), opener, labelled(t, p11.Classed(p11.SecretKey, pkcs11.CKK_AES)...))
	if err == nil {
		p.s.Discard(opened)
	}
	return err
}
