package keys

import (
	"byok/internal/hsm"
	"byok/internal/kek"
	"byok/internal/keywrap"
	"byok/internal/statement"
)

// trustAll makes each KEK, and the transfer key of each pair: as security officer,
// who trusts them, or as user where nothing rests on trust.
func (s Quorum) trustAll(pairs []*pair) error {
	form := s.Module.Form
	if s.Module.Traits().ByKM {
		return nil // no KEK comes onto the token
	}
	as := s.AsSO
	if s.Module.Traits().Trusted == statement.TrustedByNobody {
		as = s.AsUser
	}
	keks := map[kek.ID]hsm.Object{}
	return as(func() (err error) {
		for _, p := range pairs {
			if keks[p.KEK.ID()] == 0 {
				if keks[p.KEK.ID()], err = s.HSM.TrustKEK(p.KEK.PublicKey(), form); err != nil {
					return err
				}
			}
			p.kek = keks[p.KEK.ID()]
			if form == keywrap.OneCall {
				continue
			}
			if p.transfer, err = s.HSM.TransferKey(); err != nil {
				return err
			}
		}
		return nil
	})
}

// dropAll destroys the session objects of the pairs, which would end with the
// session anyway.
func (s Quorum) dropAll(pairs []*pair) {
	dropped := map[hsm.Object]bool{}
	for _, p := range pairs {
		if !dropped[p.kek] {
			s.HSM.Discard(p.kek)
		}
		dropped[p.kek] = true
		s.HSM.Discard(p.transfer)
	}
}
