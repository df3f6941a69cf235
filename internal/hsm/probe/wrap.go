package probe

import (
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/wrapping"
)

// errNoWrapping is why WRAP_WITH_TRUSTED cannot be tried.
var errNoWrapping = errors.New("the token lists no mechanism to wrap with")

// WrapWithTrusted tries to wrap a key under keys that are not trusted, with
// every mechanism of the table that the token lists, and the vendor's own that
// [Prober.KeyWrap] has found. One that cannot wrap an
// unrestricted key of the class either leads nowhere; one at least must be
// refused where it works without the restriction.
func (p *Prober) WrapWithTrusted(k Target) error {
	return p.wrapWithTrusted(k, func(wrapping.Mechanism) bool { return true })
}

// WrapWithTrustedAgain is WrapWithTrusted with the mechanisms of backups and
// packages alone.
func (p *Prober) WrapWithTrustedAgain(k Target) error {
	return p.wrapWithTrusted(k, func(w wrapping.Mechanism) bool { return w.Travels })
}

func (p *Prober) wrapWithTrusted(k Target, among func(wrapping.Mechanism) bool) error {
	listed, err := p.listed()
	if err != nil {
		return err
	}
	tries := several{last: p.notAnswered(k.Name+" can be wrapped under a key that is not trusted", errNoWrapping)}
	table, err := p.wrappings()
	if err != nil {
		return err
	}
	for _, w := range table {
		if !among(w) || !listed[w.Number()] {
			continue
		}
		if err := tries.add(p.refusesWrap(w, k)); err != nil {
			return err
		}
	}
	return tries.outcome()
}

// wrappings are those of the table, and the vendor's AES key wrap if it is known.
func (p *Prober) wrappings() ([]wrapping.Mechanism, error) {
	mechanism, err := p.KeyWrap()
	if p11.Gone(err) {
		return nil, err
	}
	if err != nil || inTable(uint(mechanism), pkcs11.CKF_WRAP) {
		return wrapping.Table, nil
	}
	return append(slices.Clone(wrapping.Table), wrapping.Mechanism{
		Name: mechanism.String(), Key: wrapping.UnderAES, Make: wrapping.Bare(uint(mechanism)), Travels: true,
	}), nil
}

func (p *Prober) refusesWrap(w wrapping.Mechanism, k Target) error {
	return p.refused(attempt{
		gain: fmt.Sprintf("%s can be wrapped with %s under %s that is not trusted", k.Name, w.Name, w.Key),
		err:  p.wrapBy(w, k.Object),
		name: fmt.Sprintf("wrap %v %s", k.Class, w.Name),
		control: func() error {
			plain, err := p.plain(k.Class)
			if err != nil {
				return err
			}
			return p.wrapBy(w, plain)
		},
	})
}

func (p *Prober) wrapBy(w wrapping.Mechanism, o p11.Object) error {
	outer, err := p.untrusted(w.Key)
	if err != nil {
		return err
	}
	_, err = p.s.Wrap(w.Make(), outer, o)
	return err
}

// untrusted returns a wrapping key that is not trusted.
func (p *Prober) untrusted(kind wrapping.Key) (p11.Object, error) {
	switch kind {
	case wrapping.UnderRSA:
		return p.plain(p11.PublicKey)
	case wrapping.UnderAES:
		return p.plain(p11.SecretKey)
	}
	return p.object(string(kind), func() (p11.Object, error) {
		return p.s.Generate(pkcs11.CKM_DES3_KEY_GEN, labelled(worthless(p11.SessionObject)))
	})
}
