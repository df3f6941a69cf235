package survey

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"byok/internal/hsm"
	"byok/internal/keywrap"
)

// trusted are the trusted test keys; 0 is one that was not made.
type trusted struct {
	km, kek, kw, transfer hsm.Object
	oaep                  []byte // KW under KM
	anchor                bool
	kekID                 []byte // the CKA_ID of the KEK once the user has used it
}

func (t trusted) any() bool { return t.km != 0 || t.kek != 0 || t.anchor }

// asSO makes one of each kind of trusted key. A wrong PIN is an error; that the
// role or the keys are refused is a finding.
func (s *survey) asSO() error {
	err := s.s.Login(hsm.RoleSO, s.soPIN)
	if hsm.IsWrongPIN(err) || hsm.IsLocked(err) {
		return err
	}
	var made []string
	if err == nil {
		made, err = s.trust()
		err = cmp.Or(err, s.s.Logout())
	}
	s.note(PropTrustedBySO, fmt.Sprintf("%s, trusted %s", strings.Join(made, ", "), s.s.TrustRoute()), err)
	return nil
}

// trust makes the trusted keys, each whether or not another one could be made,
// and names those that were. The error is the first.
func (s *survey) trust() (made []string, err error) {
	for _, k := range s.wanted() {
		one := k.make()
		if one == nil {
			made = append(made, k.name)
		}
		err = cmp.Or(err, one)
	}
	return made, err
}

// wanted is a trusted key that the SO is to make.
type wanted struct {
	name string
	make func() error
}

// wanted lists the keys, those of the two-step form where the token has an AES key
// wrap for them. A token with a world's anchor keeps it.
func (s *survey) wanted() []wanted {
	t := &s.trusted
	list := []wanted{
		{"KM", func() (err error) { t.km, err = s.s.TrustKM(testKM, &s.km.PublicKey, s.form); return err }},
		{"KEK", func() (err error) { t.kek, err = s.s.TrustKEK(&s.kek.PublicKey, s.form); return err }},
	}
	if _, err := s.s.KeyWrap(); s.form == keywrap.TwoSteps && err == nil {
		list = append(list,
			wanted{"transfer key", func() (err error) { t.transfer, err = s.s.TransferKey(); return err }},
			wanted{"KW", s.makeKW})
	}
	if present, err := s.s.Anchors(); err == nil && len(present) > 0 {
		return list
	}
	return append(list, wanted{"anchor", func() error {
		err := s.s.SetAnchor(testAnchor, &s.km.PublicKey)
		t.anchor = err == nil
		return err
	}})
}

// makeKW needs KM, whose own failure is reported already.
func (s *survey) makeKW() (err error) {
	if s.trusted.km == 0 {
		return nil
	}
	s.trusted.kw, s.trusted.oaep, err = s.s.MakeKW(testKW, s.trusted.km)
	return err
}

// backup and vault are what keys are wrapped under, if all of it could be made.
func (s *survey) backup() (w hsm.Wrapping, complete bool) {
	t := s.trusted
	return hsm.Wrapping{Form: s.form, Outer: t.km, Inner: t.kw, OAEP: t.oaep}, t.km != 0 && s.between(t.kw)
}

func (s *survey) vault() (w hsm.Wrapping, complete bool) {
	t := s.trusted
	return hsm.Wrapping{Form: s.form, Outer: t.kek, Inner: t.transfer}, t.kek != 0 && s.between(t.transfer)
}

func (s *survey) between(inner hsm.Object) bool { return s.form == keywrap.OneCall || inner != 0 }

// eachTrusted tries something on one trusted key of each kind, the RSA keys last: a
// weakness of the AES keys is the graver.
func (s *survey) eachTrusted(try func(hsm.Object, hsm.TrustedKind) error) error {
	t := s.trusted
	var errs []error
	for _, k := range []struct {
		o    hsm.Object
		kind hsm.TrustedKind
	}{{t.kw, hsm.KW}, {t.transfer, hsm.TransferKey}, {t.km, hsm.KM}, {t.kek, hsm.KEK}} {
		if k.o != 0 {
			errs = append(errs, try(k.o, k.kind))
		}
	}
	if t.anchor {
		o, err := s.s.FindAnchor(testAnchor)
		if err != nil {
			return err
		}
		errs = append(errs, try(o, hsm.Anchor))
	}
	return worst(errs...)
}

// copied tries copies alone.
func (s *survey) copied(o hsm.Object, kind hsm.TrustedKind) error {
	return s.s.Prober().FrozenInCopies(kind.Target(o))
}

// sessionObject has the user wrap under the KEK that the SO has made in this
// session. Whether it ends with the session shows afterwards.
func (s *survey) sessionObject() error {
	if err := s.s.Prober().WrapsRestricted(s.trusted.kek, s.form == keywrap.OneCall); err != nil {
		return err
	}
	id, err := s.s.ID(s.trusted.kek)
	if err != nil {
		return err
	}
	held, err := s.s.Prober().Holds(id)
	if err == nil && !held {
		err = errors.New("the user does not find the KEK that the SO has made in this session")
	}
	if err == nil {
		s.trusted.kekID = id
	}
	return err
}

// afterwards ends the session and looks for the KEK in another one.
func (s *survey) afterwards() (err error) {
	if s.trusted.kekID == nil {
		return nil
	}
	s.s.Close()
	if s.s, err = s.m.Open(s.token); err != nil {
		return err
	}
	return s.as(hsm.RoleUser, s.pin, func() error {
		held, err := s.s.Prober().Holds(s.trusted.kekID)
		if held {
			err = fmt.Errorf("%w: the KEK is there after the session that it was made in", hsm.ErrNotEnforced)
		}
		s.note(PropSession, "made by the SO, used by the user in the same process, gone with the session", err)
		return s.lost
	})
}
