// Package bytool has a crypto officer trust KM with the vendor's tool: at world
// creation, recovery and card replacement, and never for a transfer.
//
// What the guard rests on from then on is proved by session.ProveGuard.
package bytool

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

// Trusting is one KM that an officer is to trust.
type Trusting struct {
	UI     session.UI
	HSM    *hsm.Module
	Token  hsm.Token
	Module string // its id
	Guard  statement.Guard
	Set    kmdata.Set // whose KM it is
	// Refused: KM is on the token, and was proved to wrap nothing before anybody
	// trusted it. Keep notes that.
	Refused bool
	Keep    func() error
}

// Trust puts KM on the token as user, proves that it wraps nothing that only a
// trusted key may, and waits until the officer has trusted it.
func (m *Trusting) Trust(on *hsm.Session) error {
	form, err := m.HSM.Form(m.Token)
	if err != nil {
		return err
	}
	if form != keywrap.OneCall {
		return exitcode.Errorf(exitcode.Refused, "guard %s needs CKM_RSA_AES_KEY_WRAP, which %v does not offer",
			m.Guard, m.Token).Hint("byok-offline module check shows which guard the module reaches")
	}
	km, err := m.untrustedKM(on)
	if err != nil {
		return err
	}
	order, err := m.order(on, km)
	if err != nil {
		return err
	}
	return m.UI.AwaitOfficer(order, func() (bool, error) { return m.trustedYet(on, km) })
}

// label is KM's label on the token, of a card set.
func (m *Trusting) label(set int) string { return statement.KMLabel(m.Module, set) }

// untrustedKM puts KM on the token, which must then wrap nothing that only a
// trusted key may. One that an interrupted run had put there, and proved so,
// stays: the officer may have trusted it meanwhile.
func (m *Trusting) untrustedKM(on *hsm.Session) (hsm.Object, error) {
	public, err := m.Set.KM.ModuleKey()
	if err != nil {
		return 0, err
	}
	label := m.label(m.Set.Cards.Number)
	if m.Refused {
		if km, err := on.FindKM(label, public); err == nil {
			return km, nil
		}
	}
	if _, err := on.DestroyLabelled(label); err != nil {
		return 0, err
	}
	km, err := on.TrustKM(label, public, keywrap.OneCall)
	if err != nil {
		return 0, err
	}
	if err := on.Prober().Untrusted(km, "KM"); err != nil {
		return 0, err
	}
	m.Refused = true
	return km, m.Keep()
}

// order is what the officer is asked to do.
func (m *Trusting) order(on *hsm.Session, km hsm.Object) (officer.Order, error) {
	id, err := on.ID(km)
	if err != nil {
		return officer.Order{}, err
	}
	sum, err := m.Set.KM.Hash()
	if err != nil {
		return officer.Order{}, err
	}
	says := []string{m.Token.Manufacturer, m.Token.Model, m.HSM.Library}
	return officer.For(m.Token.String(), says, officer.Object{
		Label:  m.label(m.Set.Cards.Number),
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
func (m *Trusting) trustedYet(on *hsm.Session, km hsm.Object) (bool, error) {
	objects, err := on.Trusted()
	if err != nil {
		return false, err
	}
	set := m.Set.Cards.Number
	label := m.label(set)
	earlier := func(label string) bool {
		for n := 1; n < set; n++ {
			if label == m.label(n) {
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
			label, m.Token, strings.Join(others, "; ")).
			Hint("have the officer take that back, then run the same command again")
	}
	return on.Prober().IsTrusted(km)
}
