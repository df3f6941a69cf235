package world

import (
	"fmt"

	"byok/internal/candidate"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/pins"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/statement"
	"byok/internal/vacant"
)

// TokenChoice says what to do with an initialised token of the creation's
// label; its zero value is to take a free token.
type TokenChoice struct {
	Adopt      bool // keep it: its SO PIN is changed, or sealed where the token refuses that
	Initialize bool // destroy what is on it
	SOPIN      func(token hsm.Token) (*secret.Bytes, error)
	Confirm    func(token hsm.Token) error // of Initialize
}

// Choosing and preparing the token of a new world.

// pick takes a free token, or the initialised one that was chosen.
func (c *creation) pick(note creationNote) (err error) {
	c.module.token, err = candidate.Order{
		Label:      c.Label,
		Name:       c.Token,
		Made:       !c.initialises(),
		Adopt:      c.Choice.Adopt,
		Initialize: c.Choice.Initialize,
		Taken:      note.Taken,
	}.Find(c.module.hsm)
	return err
}

// initialises reports whether a free token may be taken: without the SO's part
// the vendor's tool has made the token and its user.
func (c *creation) initialises() bool { return c.module.traits().SOPIN }

// keepsUserPIN reports whether the user PIN must be the token's own. One that the
// cards hold is set by the SO, on an adopted token as well.
func (c *creation) keepsUserPIN() bool {
	if c.initialises() && c.module.traits().UserPIN {
		return false
	}
	return !c.initialises() || c.Choice.Adopt && c.module.token.HasUserPIN()
}

// prepare makes the token ready: it carries the world's keys, and everything
// the guard rests on was tried.
func (c *creation) prepare(note *creationNote, save func() error) error {
	m := c.module
	m.id = note.Module
	m.noted(&note.Refused, save)
	if err := m.derive(c.secret, note.Cards); err != nil {
		return err
	}
	if err := c.take(note, save); err != nil {
		return c.weaker(err)
	}
	if err := m.equip(note.set(), !c.keepsUserPIN()); err != nil {
		return c.weaker(err)
	}
	return m.prove()
}

// take initialises the token with the SO PIN of the cards, or adopts it. The
// PIN of the cards is tried only where an interrupted run may have set it: some
// tokens count wrong ones.
func (c *creation) take(note *creationNote, save func() error) error {
	m := c.module
	if !c.initialises() {
		return m.takeAsUser(c.secret, note.Cards)
	}
	if note.Taken && m.token.Initialised && m.opens() {
		c.UI.Say("%v was prepared by the interrupted run", m.token)
		return nil
	}
	note.Taken = true
	if err := save(); err != nil {
		return err
	}
	switch {
	case c.Choice.Adopt:
		return c.adopt(note.Cards)
	case m.token.Initialised && c.Choice.Initialize:
		return c.initialiseAgain()
	case m.token.Initialised:
		return candidate.Taken(c.Label, m.token)
	}
	return m.initialise(c.Label)
}

// initialiseAgain destroys what is on an initialised token. C_InitToken asks
// for the present SO PIN and keeps it, so it is changed afterwards.
func (c *creation) initialiseAgain() error {
	m := c.module
	if err := c.Choice.Confirm(m.token); err != nil {
		return err
	}
	old, err := c.Choice.SOPIN(m.token)
	if err != nil {
		return err
	}
	defer old.Wipe()
	if m.token, err = m.hsm.Initialise(m.token, old, c.Label); err != nil {
		return err
	}
	return m.changeSOPIN(old, m.pin)
}

// checkTaken refuses a token that cannot be taken as it is, before a card is
// dealt. It is looked at again once the cards are there.
func (c *creation) checkTaken() error {
	c.module.id = statement.NewModuleID() // nothing on the token is this run's
	if !c.initialises() {
		return c.module.checkEmptyAs(hsm.RoleUser, c.module.user)
	}
	if !c.Choice.Adopt {
		return nil
	}
	old, err := c.presentSOPIN()
	if err != nil {
		return err
	}
	return c.module.checkEmpty(old, c.keepsUserPIN())
}

// presentSOPIN asks for the SO PIN of the token to be adopted, once.
func (c *creation) presentSOPIN() (_ *secret.Bytes, err error) {
	if c.present == nil {
		c.present, err = c.Choice.SOPIN(c.module.token)
	}
	return c.present, err
}

// adopt takes an initialised token as it is. It must hold no trusted key and
// nothing that this world did not make. Its SO PIN becomes the cards'; where
// the token refuses that, the PIN is sealed under them, and the guard says so.
func (c *creation) adopt(set quorum.CardSet) error {
	m := c.module
	old, err := c.presentSOPIN()
	if err != nil {
		return err
	}
	defer old.Wipe()
	if err := m.checkEmpty(old, c.keepsUserPIN()); err != nil {
		return err
	}
	err = m.changeSOPIN(old, m.pin)
	if err == nil {
		return c.adopted()
	}
	if !hsm.IsUnsupported(err) {
		return err
	}
	if m.traits().UserPIN {
		return exitcode.Errorf(exitcode.Refused,
			"%v keeps its SO PIN, which resets the user PIN: the cards would not hold it alone, as guard %s needs",
			m.token, m.guard).Hint("ask for --guard %s", statement.GuardLoginShared)
	}
	m.guard = statement.GuardTrustShared
	c.UI.Warn(fmt.Sprintf("%v keeps its SO PIN: everyone who ever knew it can still log in as SO; guard %s",
		m.token, m.guard))
	return m.sealPIN(c.secret, set, old)
}

// adopted settles the guard of a token whose SO PIN is the cards' now. A login
// that was open before may outlive the change of the PIN, so whoever knew the old
// one remains a threat; and what they made meanwhile shows.
func (c *creation) adopted() error {
	m := c.module
	if !m.traits().UserPIN {
		m.guard = statement.GuardTrustShared
	}
	c.UI.Warn(fmt.Sprintf("%v adopted; its SO PIN comes from the cards now, but a login with the old one may still be "+
		"open: end every other session on the HSM, or restart it; guard %s", m.token, m.guard))
	return m.checkEmpty(m.pin, c.keepsUserPIN())
}

// sealPIN keeps an SO PIN that cannot be changed.
func (m *module) sealPIN(s *quorum.Secret, set quorum.CardSet, pin *secret.Bytes) (err error) {
	if m.sealed.so, err = pins.SO.Seal(s, set, m.id, pin); err != nil {
		return err
	}
	m.pin.Wipe()
	m.pin = secret.Take([]byte(pin.Text()))
	return nil
}

// takeAsUser takes a token that the vendor's tool has made. A user PIN that
// cannot be the cards' own is sealed under them before it is used.
func (m *module) takeAsUser(s *quorum.Secret, set quorum.CardSet) (err error) {
	if m.lone {
		return m.takeLone(s, set)
	}
	if m.traits().UserPIN {
		if m.sealed.user, err = pins.User.Seal(s, set, m.id, m.user); err != nil {
			return err
		}
		m.ui.Warn(fmt.Sprintf("%v keeps its user PIN: everyone who ever knew it can still export keys; guard %s%s",
			m.token, m.guard, m.two.Advice()))
	}
	return m.checkEmptyAs(hsm.RoleUser, m.user)
}

// takeLone makes the PIN from the cards the user PIN of a token on which no SO can
// set another one. An interrupted run may have done so.
func (m *module) takeLone(s *quorum.Secret, set quorum.CardSet) error {
	next, err := pins.User.Derive(s, set, m.id, pins.Length(m.token))
	if err != nil {
		return err
	}
	old := m.user
	defer old.Wipe()
	m.user = next
	proved, err := pins.TakeLone(m.hsm, m.token, old, next, func(pin *secret.Bytes) error {
		return m.checkEmptyAs(hsm.RoleUser, pin)
	})
	if err != nil {
		return err
	}
	m.rows = append(m.rows, proved)
	m.ui.Warn(fmt.Sprintf("%v adopted; its user PIN comes from the cards now, but a login with the old one may still be "+
		"open: end every other session on the HSM, or restart it; guard %s", m.token, m.guard))
	return nil
}

// checkEmpty refuses a token with anything on it that is not this creation's, as
// the SO sees it and as the user.
func (m *module) checkEmpty(so *secret.Bytes, hasUser bool) error {
	if err := m.checkEmptyAs(hsm.RoleSO, so); err != nil || !hasUser {
		return err
	}
	return m.checkEmptyAs(hsm.RoleUser, m.user)
}

func (m *module) checkEmptyAs(role hsm.Role, pin *secret.Bytes) error {
	return m.as(role, pin, func(on *hsm.Session) error {
		if err := m.two.Sweep(on); err != nil {
			return err
		}
		items, err := on.Inventory()
		if err != nil {
			return err
		}
		return vacant.Check(m.token, items, m.id)
	})
}
