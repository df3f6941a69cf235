package probe

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/derivation"
	"byok/internal/hsm/p11"
)

// Derives tries to derive a key that reveals the target, with every mechanism
// of the table that would reveal it and that the token lists for C_DeriveKey:
// with the target as the base key, after DERIVE was set on it and by a copy
// with DERIVE, and as the other key beside a base key of the user's own. Where
// no such mechanism is listed nothing is tried.
func (p *Prober) Derives(k Target) error {
	offered, err := p.revealing()
	if err != nil {
		return err
	}
	for _, d := range offered {
		for _, r := range d.Reveals {
			if err := p.refusesDerivation(d, r, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// revealing returns the mechanisms of the table that reveal a key and are
// listed for C_DeriveKey, found out once a token.
func (p *Prober) revealing() ([]derivation.Mechanism, error) {
	if p.facts.reveal != nil {
		return p.facts.reveal, nil
	}
	listed, err := p.listed()
	if err != nil {
		return nil, err
	}
	found := []derivation.Mechanism{}
	for _, d := range derivation.Table {
		if !listed[d.Number] {
			continue
		}
		derives, err := p.offers(d.Number, pkcs11.CKF_DERIVE)
		if err != nil {
			return nil, err
		}
		if derives {
			found = append(found, d)
		}
	}
	p.facts.reveal = found
	return found, nil
}

// offers reports whether the token has a mechanism for a function (CKF_…).
func (p *Prober) offers(mechanism, function uint) (bool, error) {
	info, err := p.s.Ctx.GetMechanismInfo(p.slot, p11.Mechanism(mechanism))
	if err != nil {
		return false, p11.Fail(fmt.Sprintf("C_GetMechanismInfo of 0x%X", mechanism), err)
	}
	return info.Flags&function != 0, nil
}

// refusesDerivation tries a mechanism with the key in a role, for a derived key
// in clear and for one that is only wrapped. One of the two at least must work
// with worthless keys; where it does, the key must be refused.
func (p *Prober) refusesDerivation(d derivation.Mechanism, r derivation.Role, k Target) error {
	gain := fmt.Sprintf("%s can be revealed with %s, as %s", k.Name, d.Name, r)
	var tries several
	for _, sensitive := range []bool{false, true} {
		c := p.control(d, r, sensitive)
		var err error
		if c.err != nil {
			err = tries.add(p.notAnswered(gain, fmt.Errorf("with worthless keys: %w", p11.Named(c.err))))
		} else {
			tries.answered = true
			err = p.refusesDeriving(c, k, gain)
		}
		if err != nil {
			return err
		}
	}
	return tries.outcome()
}

func (p *Prober) refusesDeriving(c *derivationControl, k Target, gain string) error {
	attempt := func(o p11.Object) error { return p.revealed(c, o, gain) }
	if c.role == derivation.BaseKey {
		return p.asBase(k, attempt)
	}
	return attempt(k.Object)
}

// revealed derives with a key as with the control's worthless one. What comes
// out gains something if it can be read or wrapped and is not what the
// control's key gave.
func (p *Prober) revealed(c *derivationControl, o p11.Object, gain string) error {
	derived, err := p.derive(c, o)
	if derivationRefused(err, c.role) {
		return nil
	}
	if err != nil {
		return p.notAnswered(gain, p11.Named(err))
	}
	defer p.s.Discard(derived)
	got, err := p.evidence(derived)
	switch {
	case derivationRefused(err, c.role):
		return nil // a key that the user can neither wrap nor read
	case err != nil:
		return p.notAnswered(gain, p11.Named(err))
	case got == c.got:
		return p.notAnswered(gain, errors.New("C_DeriveKey gives the same key for different keys"))
	}
	return p.notEnforced(gain)
}

// derivationRefused reports whether C_DeriveKey refused a key in a role, in a
// call that works with another one. The other key is the mechanism's parameter:
// CKR_MECHANISM_PARAM_INVALID refuses that, and says nothing of a base key.
func derivationRefused(err error, r derivation.Role) bool {
	return p11.Refusal(err) || p11.Is(err, pkcs11.CKR_KEY_TYPE_INCONSISTENT) ||
		r == derivation.OtherKey && p11.Is(err, pkcs11.CKR_MECHANISM_PARAM_INVALID)
}

// asBase attempts something with the target as it is or, where its owner can
// set DERIVE, with DERIVE for as long as that takes; and with a copy with
// DERIVE.
func (p *Prober) asBase(k Target, attempt func(p11.Object) error) error {
	if err := p.withDerive(k, attempt); err != nil {
		return err
	}
	able, err := p.copyTo(p11.SessionObject, k.Object, deriving(true))
	if err != nil { // then the user has no such copy
		return p.lostIn("C_CopyObject of "+k.Name, err)
	}
	defer p.s.Discard(able)
	return attempt(able)
}

func (p *Prober) withDerive(k Target, attempt func(p11.Object) error) error {
	before, err := p.s.Flag(k.Object, pkcs11.CKA_DERIVE)
	if err != nil {
		return err
	}
	if err := p.s.Set(k.Object, deriving(true)); err != nil {
		if err := p.lostIn("C_SetAttributeValue of "+k.Name, err); err != nil {
			return err
		}
		return attempt(k.Object)
	}
	err = attempt(k.Object)
	if set := p.s.Set(k.Object, deriving(before)); set != nil && err == nil {
		return p11.Fail("C_SetAttributeValue of "+k.Name+" to DERIVE as it was", set)
	}
	return err
}

// lostIn returns the failure of a call in which the device was lost. Any other
// failure only means that the user cannot do it.
func (p *Prober) lostIn(call string, err error) error {
	if p11.Gone(err) {
		return p11.Fail(call, err)
	}
	return nil
}

func deriving(derives bool) []*pkcs11.Attribute {
	return []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_DERIVE, derives)}
}

// derivationControl is a derivation that works with worthless keys.
type derivationControl struct {
	derivation.Mechanism
	role      derivation.Role
	sensitive bool
	own       p11.Object // the user's key beside the key in the role
	got       proof      // what came of a worthless key in the role
	err       error      // what came of it if that failed
}

// control finds, once a login, the type of worthless keys that a mechanism
// takes.
func (p *Prober) control(d derivation.Mechanism, r derivation.Role, sensitive bool) *derivationControl {
	name := fmt.Sprintf("%s %s %t", d.Name, r, sensitive)
	c, ok := p.derived[name]
	if ok {
		return c
	}
	c = &derivationControl{Mechanism: d, role: r, sensitive: sensitive}
	for _, generation := range []uint{pkcs11.CKM_AES_KEY_GEN, pkcs11.CKM_GENERIC_SECRET_KEY_GEN} {
		err := p.tryControl(c, generation)
		if err == nil || p11.Gone(err) {
			c.err = err
			break
		}
		c.err = cmp.Or(c.err, err) // that of AES, which every module has
	}
	if p.derived == nil {
		p.derived = map[string]*derivationControl{}
	}
	p.derived[name] = c
	return c
}

func (p *Prober) tryControl(c *derivationControl, generation uint) error {
	var key p11.Object
	var err error
	if c.own, err = p.deriver("one", generation, c.sensitive); err != nil {
		return err
	}
	if key, err = p.deriver("two", generation, c.sensitive); err != nil {
		return err
	}
	derived, err := p.derive(c, key)
	if err != nil {
		return err
	}
	defer p.s.Discard(derived)
	c.got, err = p.evidence(derived)
	return err
}

// deriver returns one of two keys of the user's that may derive.
func (p *Prober) deriver(name string, generation uint, sensitive bool) (p11.Object, error) {
	return p.object(fmt.Sprintf("deriver %s 0x%X %t", name, generation, sensitive), func() (p11.Object, error) {
		t := worthless(p11.SessionObject).Without(pkcs11.CKA_WRAP).With(
			p11.Has(pkcs11.CKA_SENSITIVE, sensitive, "as the key that is derived"),
			p11.Has(pkcs11.CKA_DERIVE, true, "is to derive"))
		return p.s.Generate(generation, labelled(t, pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32)))
	})
}

// derive derives a key that the user could read or wrap, with o in the role.
func (p *Prober) derive(c *derivationControl, o p11.Object) (p11.Object, error) {
	base, other := o, c.own
	if c.role == derivation.OtherKey {
		base, other = other, base
	}
	first := p11.Classed(p11.SecretKey, pkcs11.CKK_GENERIC_SECRET)
	if c.Length > 0 {
		first = append(first, pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, c.Length))
	}
	t := p11.Template{
		p11.Has(pkcs11.CKA_TOKEN, false, "ends with the session"),
		p11.Has(pkcs11.CKA_PRIVATE, true, "as the key it is derived from"),
		p11.Has(pkcs11.CKA_SENSITIVE, c.sensitive, "is to be read, where the module lets it"),
		p11.Has(pkcs11.CKA_EXTRACTABLE, true, "is to be wrapped"),
	}
	derived, err := p.s.Ctx.DeriveKey(p.s.Handle, c.With(other), base, labelled(t, first...))
	return derived, p.s.Answered(err)
}

// proof is the digest of what the user gets of a derived key: of its value
// wrapped under a key of his, or of the value itself.
type proof struct {
	wrapped bool
	digest  [sha256.Size]byte
}

// evidence wraps a derived key under a worthless one or, where that fails,
// reads it. The mechanism is deterministic: the same key gives the same proof.
func (p *Prober) evidence(derived p11.Object) (proof, error) {
	mechanism, err := p.roundTrip()
	if err != nil {
		return proof{}, err
	}
	outer, err := p.plain(p11.SecretKey)
	if err != nil {
		return proof{}, err
	}
	blob, wrapErr := p.s.Wrap(mechanism, outer, derived)
	if wrapErr == nil {
		return proof{true, sha256.Sum256(blob)}, nil
	}
	if p11.Gone(wrapErr) {
		return proof{}, wrapErr
	}
	values, err := p.s.Read(derived, pkcs11.CKA_VALUE)
	if err == nil {
		defer clear(values[0])
		return proof{false, sha256.Sum256(values[0])}, nil
	}
	if p11.Refusal(wrapErr) {
		return proof{}, err
	}
	return proof{}, wrapErr
}
