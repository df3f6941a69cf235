package world

import (
	"fmt"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keywrap"
	"byok/internal/kmdata"
	"byok/internal/officer"
	"byok/internal/session"
	"byok/internal/statement"
)

// Where a crypto officer trusts KM with the vendor's tool: at world creation,
// recovery and card replacement, and never for a transfer.

// trustByTool puts KM on the token as user, proves that it wraps nothing that
// only a trusted key may, and waits until the officer has trusted it. What the
// guard rests on from then on, the probes of the guard prove.
func (m *module) trustByTool(on *hsm.Session, set kmdata.Set) (err error) {
	if m.guard.Traits().Trusted != statement.TrustedByTool {
		return nil
	}
	if m.form, err = m.hsm.Form(m.token); err != nil {
		return err
	}
	if m.form != keywrap.OneCall {
		return exitcode.Errorf(exitcode.Refused, "guard %s needs CKM_RSA_AES_KEY_WRAP, which %v does not offer",
			m.guard, m.token).Hint("byok-offline module check shows which guard the module reaches")
	}
	km, err := m.untrustedKM(on, set)
	if err != nil {
		return err
	}
	order, err := m.order(on, km, set)
	if err != nil {
		return err
	}
	number := set.Cards.Number
	if err := m.ui.AwaitOfficer(order, func() (bool, error) { return m.trustedYet(on, km, number) }); err != nil {
		return err
	}
	m.leftOut, m.trusted = on.LeftOut(), statement.TrustByTool
	return nil
}

// noted has the journal remember m.refused, and takes what it remembers.
func (m *module) noted(refused *bool, save func() error) {
	m.refused = *refused
	m.keep = func() error {
		*refused = m.refused
		return save()
	}
}

// untrustedKM puts KM on the token, which must then wrap nothing that only a
// trusted key may. One that an interrupted run had put there, and proved so,
// stays: the officer may have trusted it meanwhile.
func (m *module) untrustedKM(on *hsm.Session, set kmdata.Set) (hsm.Object, error) {
	public, err := set.KM.ModuleKey()
	if err != nil {
		return 0, err
	}
	label := statement.KMLabel(m.id, set.Cards.Number)
	if m.refused {
		if km, err := on.FindKM(label, public); err == nil {
			return km, nil
		}
	}
	if _, err := on.DestroyLabelled(label); err != nil {
		return 0, err
	}
	km, err := on.TrustKM(label, public, m.form)
	if err != nil {
		return 0, err
	}
	if err := on.ProbeUntrustedKM(km); err != nil {
		return 0, err
	}
	m.refused = true
	return km, m.keep()
}

// order is what the officer is asked to do.
func (m *module) order(on *hsm.Session, km hsm.Object, set kmdata.Set) (officer.Order, error) {
	id, err := on.ID(km)
	if err != nil {
		return officer.Order{}, err
	}
	sum, err := set.KM.Hash()
	if err != nil {
		return officer.Order{}, err
	}
	says := []string{m.token.Manufacturer, m.token.Model, m.hsm.Library}
	return officer.For(m.token.String(), says, officer.Object{
		Label:  statement.KMLabel(m.id, set.Cards.Number),
		Handle: uint(km),
		ID:     id,
		Words:  sum.FirstWords(orderWords),
	}), nil
}

// orderWords is how many words of KM's hash the officer is shown.
const orderWords = 8

// trustedYet reports whether the officer has trusted KM of a card set. Another
// object that is trusted ends the wait, unless it is KM of an earlier set, which
// a card replacement destroys.
func (m *module) trustedYet(on *hsm.Session, km hsm.Object, set int) (bool, error) {
	objects, err := on.Trusted()
	if err != nil {
		return false, err
	}
	label := statement.KMLabel(m.id, set)
	earlier := func(label string) bool {
		for n := 1; n < set; n++ {
			if label == statement.KMLabel(m.id, n) {
				return true
			}
		}
		return false
	}
	var others []string
	for _, o := range objects {
		if o.Object != km && !earlier(o.Label) {
			others = append(others, fmt.Sprintf("%s, CKA_ID %x", session.DescribeItem(o.Item), o.ID))
		}
	}
	if len(others) > 0 {
		return false, exitcode.Errorf(exitcode.Check, "the crypto officer trusted another object than KM (%s) on %v: %s",
			label, m.token, strings.Join(others, "; ")).
			Hint("have the officer take that back, then run the same command again")
	}
	return on.IsTrustedKM(km)
}
