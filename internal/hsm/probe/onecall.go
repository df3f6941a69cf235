package probe

import (
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// RefusesOneCall tries to wrap a worthless key with CKM_RSA_AES_KEY_WRAP under a
// key whose ALLOWED_MECHANISMS does not have it.
func (p *Prober) RefusesOneCall(k Target) error {
	return p.refused(attempt{
		gain: k.Name + " wraps with CKM_RSA_AES_KEY_WRAP, whose AES key this library shows to other processes",
		err:  p.wrapWorthlessOnce(k.Object),
		also: []uint{pkcs11.CKR_MECHANISM_INVALID},
		name: "wrap in one call",
		control: func() error {
			outer, err := p.plain(p11.PublicKey)
			if err != nil {
				return err
			}
			return p.wrapWorthlessOnce(outer)
		},
	})
}

func (p *Prober) wrapWorthlessOnce(outer p11.Object) error {
	key, err := p.plain(p11.SecretKey)
	if err != nil {
		return err
	}
	_, err = p.s.Wrap(p11.RSAAES(), outer, key)
	return err
}
