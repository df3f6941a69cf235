package world

import (
	"cmp"
	"errors"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/secret"
)

// chooseToken takes a free token. A token that has the label already is taken
// only when this creation's own cards open it, or when the operator said what
// to do with it and gave its SO PIN. What lacks a mechanism is refused here,
// before any card is written.
func (c *creator) chooseToken() error {
	labelled, err := c.m.Labelled(c.Label)
	if err != nil {
		return err
	}
	initialised := c.Token.Adopt || c.Token.Initialize
	switch {
	case len(labelled) == 0 && initialised:
		return exitcode.Errorf(exitcode.Usage, "no initialised token is labelled %q", c.Label)
	case len(labelled) == 0:
		c.token, err = c.m.Free()
	case len(labelled) == 1 && c.dealer.resuming && c.opens(labelled[0]):
		c.token, initialised = labelled[0], false
	case len(labelled) == 1 && initialised:
		c.token = labelled[0]
	default:
		err = exitcode.Hint(exitcode.Errorf(exitcode.Refused, "label %q is taken by a token that is initialised (serial %s)", c.Label, labelled[0].Serial),
			"choose another one with --label")
	}
	if err == nil {
		err = c.m.CheckMechanisms(c.token)
	}
	if err == nil && initialised {
		err = c.tryToken()
	}
	return err
}

// opens tells whether the interrupted run had given the token its SO PIN.
func (c *creator) opens(t hsm.Token) bool {
	if c.Token.Adopt {
		return false
	}
	pin, err := c.dealer.secret.SOPIN()
	if err != nil {
		return false
	}
	defer pin.Wipe()
	so, err := c.m.SecurityOfficer(t, pin)
	if err != nil {
		return false
	}
	so.Close()
	c.Token.Initialize = false // that is done
	return true
}

// tryToken tries the PINs of an initialised token before any card is written,
// and refuses one that is to be adopted and holds a world or enforces nothing.
func (c *creator) tryToken() error {
	so, err := c.m.SecurityOfficer(c.token, c.Token.SOPIN)
	if err != nil {
		return err
	}
	if c.Token.Adopt && !c.dealer.resuming {
		err = c.holdsNoWorld(so)
	}
	so.Close()
	if err != nil || !c.keepsUserPIN() {
		return err
	}
	user, err := c.m.User(c.token, c.UserPIN)
	if err != nil {
		return err
	}
	return cmp.Or(user.ProbeTrust(), user.Close())
}

// keepsUserPIN tells whether the creation's user PIN must be the token's own.
func (c *creator) keepsUserPIN() bool { return c.Token.Adopt && c.token.HasUserPIN() }

// holdsNoWorld looks for the public half of a world's signing key, which an SO
// can see and which every world that is complete has.
func (c *creator) holdsNoWorld(so *hsm.SecurityOfficer) error {
	_, err := so.Find(pkcs11.CKO_PUBLIC_KEY, signingKeyLabel)
	if errors.Is(err, hsm.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%v holds a security world already: it has a key labelled %s", c.token, signingKeyLabel),
			"adopt another token, or name the kmdata folder of that world with --kmdata")
	}
	return err
}

// prepareToken makes the token ready for the module key, and returns its SO PIN.
func (c *creator) prepareToken() (*secret.Bytes, error) {
	if c.Token.Adopt {
		return c.adopt()
	}
	pin, err := c.dealer.secret.SOPIN()
	if err != nil {
		return nil, err
	}
	if c.Token.Initialize {
		err = c.initialiseAgain(pin)
	} else {
		c.token, err = c.m.Initialise(c.token, pin, c.Label)
	}
	if err != nil {
		pin.Wipe()
		return nil, err
	}
	c.Say("%v initialised, its SO PIN derived from the cards", c.token)
	return pin, nil
}

// initialiseAgain destroys what is on an initialised token: C_InitToken wants
// the present SO PIN and keeps it, so it is changed afterwards.
func (c *creator) initialiseAgain(pin *secret.Bytes) (err error) {
	if c.token, err = c.m.Initialise(c.token, c.Token.SOPIN, c.Label); err != nil {
		return err
	}
	so, err := c.m.SecurityOfficer(c.token, c.Token.SOPIN)
	if err != nil {
		return err
	}
	defer so.Close()
	return so.ChangePIN(c.Token.SOPIN, pin)
}

// adopt seals the SO PIN under the world secret: the quorum guards it from now
// on, though not against who knew it before.
func (c *creator) adopt() (*secret.Bytes, error) {
	var err error
	if c.sealed, err = sealPIN(c.dealer.secret, c.Token.SOPIN); err != nil {
		return nil, err
	}
	so, err := c.m.SecurityOfficer(c.token, c.Token.SOPIN)
	if err != nil {
		return nil, err
	}
	defer so.Close()
	if _, err := so.DestroyLabelled(moduleKeyLabel); err != nil { // of an interrupted run
		return nil, err
	}
	c.Say("%v adopted, its SO PIN sealed under the cards", c.token)
	return secret.Take([]byte(c.Token.SOPIN.Text())), nil
}
