package world

import (
	"fmt"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/journal"
	"byok/internal/kmdata"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/session"
)

// Choosing and preparing the token of a new world.

// choose finds the token, has its serial typed, and refuses what lacks a
// mechanism, before any card is written.
func (c *creation) choose() error {
	c.module = &module{ui: c.UI, hsm: c.hsm, library: c.library}
	labelled, err := c.hsm.Labelled(c.Label)
	if err != nil {
		return err
	}
	if c.module.token, err = c.pick(labelled); err != nil {
		return err
	}
	if err := c.hsm.CheckMechanisms(c.module.token); err != nil {
		return err
	}
	if err := c.UI.AcceptSerial(c.module.token.String(), c.module.token.Serial); err != nil {
		return err
	}
	c.module.user, err = c.UserPIN(c.module.token, c.keepsUserPIN())
	if err != nil {
		return err
	}
	return c.module.token.CheckPIN(c.module.user)
}

// pick takes a free token, or the initialised one of the creation's label.
// One that an interrupted run has initialised is recognised by its cards.
func (c *creation) pick(labelled []hsm.Token) (hsm.Token, error) {
	chosen := c.Choice.Adopt || c.Choice.Initialize
	_, pending, err := journal.Pending[creationNote](journal.Of(c.Dir), creationName)
	switch {
	case err != nil:
		return hsm.Token{}, err
	case len(labelled) == 0 && c.Choice.Adopt:
		return hsm.Token{}, exitcode.Errorf(exitcode.Usage, "there is no initialised token labelled %q", c.Label)
	case len(labelled) == 0:
		return c.hsm.Free()
	case len(labelled) == 1 && (chosen || pending):
		return labelled[0], nil
	}
	return hsm.Token{}, exitcode.Errorf(exitcode.Refused, "label %q is taken by an initialised token (serial %s)",
		c.Label, labelled[0].Serial).
		Hint("choose another one with --label")
}

// keepsUserPIN reports whether the user PIN must be the token's own.
func (c *creation) keepsUserPIN() bool { return c.Choice.Adopt && c.module.token.HasUserPIN() }

// prepare makes the token ready: it carries the world's keys, and everything
// the guard rests on was tried.
func (c *creation) prepare(set kmdata.Set, id string) error {
	m := c.module
	m.id, m.guard = id, kmdata.GuardTrust
	if err := m.derive(c.secret, set.Cards); err != nil {
		return err
	}
	if err := c.take(set.Cards); err != nil {
		return err
	}
	if err := m.equip(set, !c.keepsUserPIN()); err != nil {
		return err
	}
	return m.prove()
}

// take initialises the token with the SO PIN of the cards, or adopts it.
func (c *creation) take(set quorum.CardSet) error {
	m := c.module
	if m.token.Initialised && m.opens() {
		c.UI.Say("%v was prepared by the interrupted run", m.token)
		return nil
	}
	switch {
	case c.Choice.Adopt:
		return c.adopt(set)
	case m.token.Initialised:
		return c.initialiseAgain()
	}
	return m.initialise(m.pin, c.Label)
}

// initialise runs C_InitToken on a free token.
func (m *module) initialise(pin *secret.Bytes, label string) (err error) {
	if m.token, err = m.hsm.Initialise(m.token, pin, label); err != nil {
		return err
	}
	m.ui.Say("%v initialised; its SO PIN comes from the cards", m.token)
	return nil
}

// opens reports whether the SO PIN of the cards is the token's already.
func (m *module) opens() bool {
	on, err := m.hsm.Open(m.token)
	if err != nil {
		return false
	}
	defer on.Close()
	return on.Login(hsm.RoleSO, m.pin) == nil
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
	if m.token, err = c.hsm.Initialise(m.token, old, c.Label); err != nil {
		return err
	}
	return m.changeSOPIN(old, m.pin)
}

func (m *module) changeSOPIN(old, next *secret.Bytes) error {
	on, err := m.hsm.Open(m.token)
	if err != nil {
		return err
	}
	defer on.Close()
	if err := on.Login(hsm.RoleSO, old); err != nil {
		return err
	}
	return on.ChangePIN(old, next)
}

// adopt takes an initialised token as it is. It must hold no trusted key and
// nothing that this world did not make. Its SO PIN becomes the cards'; where
// the token refuses that, the PIN is sealed under them, and the guard says so.
func (c *creation) adopt(set quorum.CardSet) error {
	m := c.module
	old, err := c.Choice.SOPIN(m.token)
	if err != nil {
		return err
	}
	defer old.Wipe()
	if err := m.checkEmpty(old, c.keepsUserPIN()); err != nil {
		return err
	}
	err = m.changeSOPIN(old, m.pin)
	if err == nil {
		c.UI.Say("%v adopted; its SO PIN comes from the cards now", m.token)
		return nil
	}
	if !hsm.IsUnsupported(err) {
		return err
	}
	m.guard = kmdata.GuardTrustShared
	c.UI.Warn(
		fmt.Sprintf("%v keeps its SO PIN: everyone who ever knew it can still log in as SO; guard %s", m.token, m.guard),
	)
	if m.sealed, err = quorum.Seal(c.secret, set.Context().For(m.id), quorum.PurposeSealSOPIN, old); err != nil {
		return err
	}
	m.pin.Wipe()
	m.pin = secret.Take([]byte(old.Text()))
	return nil
}

// checkEmpty refuses a token with anything on it that is not this creation's:
// a trusted key of somebody's would wrap every key of the world.
func (m *module) checkEmpty(so *secret.Bytes, hasUser bool) error {
	if err := m.checkEmptyAs(hsm.RoleSO, so); err != nil {
		return err
	}
	if !hasUser {
		return nil
	}
	return m.checkEmptyAs(hsm.RoleUser, m.user)
}

func (m *module) checkEmptyAs(role hsm.Role, pin *secret.Bytes) error {
	on, err := m.hsm.Open(m.token)
	if err != nil {
		return err
	}
	defer on.Close()
	if err := on.Login(role, pin); err != nil {
		return err
	}
	items, err := on.Inventory()
	if err != nil {
		return err
	}
	var foreign []string
	for _, item := range items {
		if !m.own(item) {
			foreign = append(foreign, session.DescribeItem(item))
		}
	}
	if len(foreign) == 0 {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "%v is not empty: %s", m.token, strings.Join(foreign, "; ")).
		Hint("remove these objects with the vendor's tool, or use --initialize to destroy everything on the token")
}

// own reports whether an object is what an interrupted run of this creation
// left, or a certificate or vendor object, which a statement lists.
func (m *module) own(item hsm.Item) bool {
	if m.id != "" && strings.Contains(item.Label, m.id) {
		return true
	}
	return !item.Trusted && !item.Class.HoldsSecrets()
}
