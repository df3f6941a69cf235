package probe

import (
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// RestrictedLater tries to set WRAP_WITH_TRUSTED on keys that any key could wrap
// until then. Where that succeeds the attribute does not show that a key never
// left the token, LOCAL and ALWAYS_SENSITIVE beside it neither: its owner may have
// wrapped it before. PKCS#11 lets a module allow it (v2.40, section 4.9).
func (p *Prober) RestrictedLater() error {
	if err := p.refusesRestriction(p11.SecretKey, p.worthlessAES); err != nil {
		return err
	}
	return p.refusesRestriction(p11.PrivateKey, p.worthlessPair)
}

func (p *Prober) refusesRestriction(class p11.Class, fresh func() (p11.Object, error)) error {
	o, err := fresh()
	if err != nil {
		return err
	}
	defer p.s.Discard(o)
	err = p.s.Set(o, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_WRAP_WITH_TRUSTED, true)})
	if err == nil {
		if now, err := p.s.Flag(o, pkcs11.CKA_WRAP_WITH_TRUSTED); err != nil || !now {
			return err
		}
	}
	return p.refused(attempt{
		gain:    fmt.Sprintf("WRAP_WITH_TRUSTED of a %v can be set after any key could wrap it", class),
		err:     err,
		name:    "set " + class.String(),
		control: p.setsPlain(class),
	})
}
