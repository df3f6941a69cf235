package world

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/quorum"
	"byok/internal/secret"
)

// Replacement asks for a new administrator card set.
type Replacement struct {
	CardOrder
	Old     *Quorate
	UserPIN *secret.Bytes
}

// replacer carries a replacement through its steps.
type replacer struct {
	Replacement
	w    *World
	m    *hsm.Module
	path string // of the new card state
	out  *pair
	next *Quorate
}

// ReplaceCards makes a new card set, derives SO PIN and module key anew, wraps
// every backup again under the new module key, and destroys the old one. After
// it the old cards open this token no more. The new cards are on their media and read
// back before the token is changed; an interrupted run is taken up by the next.
func (w *World) ReplaceCards(m *hsm.Module, r Replacement) (*World, error) {
	c := &replacer{Replacement: r, w: w, m: m, path: cardsPath(w.dir, w.state.Cards.Number+1)}
	if err := c.check(); err != nil {
		return nil, err
	}
	var err error
	if c.out, err = reserve(c.path); err != nil {
		return nil, err
	}
	c.out.max = maxCards
	defer c.out.set.Discard()
	if err := c.newCards(); err != nil {
		return nil, err
	}
	defer c.next.Wipe()
	if err := c.bringIntoForce(); err != nil {
		return nil, exitcode.Hint(err, "run the same command again, with the same new cards: it goes on from here")
	}
	return Open(w.dir)
}

func (c *replacer) check() error {
	if c.Old.Set.Number != c.w.state.Cards.Number {
		return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "these are cards of set %d, which is not in force yet", c.Old.Set.Number),
			"give the cards of set %d with --card, and the new ones with --new-card", c.w.state.Cards.Number)
	}
	return c.CardOrder.Check(c.w.Rehearsal)
}

// newCards makes the new set's cards, or takes up those of an interrupted run.
func (c *replacer) newCards() error {
	d := &dealer{CardOrder: c.CardOrder, path: c.path,
		issue:   func() (*quorum.Issue, error) { return c.w.state.Cards.Replace(c.Quorum, c.names()) },
		pending: func(p pendingCards) any { return p }}
	var before pendingCards
	interrupted, err := pending(c.path, &before)
	if err != nil {
		return err
	}
	if !interrupted {
		err = d.ready(nil)
	} else if err = c.sameAs(before.Cards); err == nil {
		err = d.ready(&before)
	}
	if err == nil {
		err = d.deal()
	}
	c.next = &Quorate{Set: d.set, secret: d.secret}
	return err
}

// sameAs refuses to go on with another card set than the interrupted run's.
func (c *replacer) sameAs(set quorum.CardSet) error {
	names, err := quorum.CheckHolders(c.names())
	if err != nil {
		return err
	}
	now := c.w.state.Cards
	if set.World == now.World && set.Number == now.Number+1 && set.Quorum == c.Quorum && slices.Equal(set.Holders, names) {
		return nil
	}
	return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s: an interrupted replacement asked for quorum %v and cards of %s", pendingPath(c.path), set.Quorum, strings.Join(set.Holders, ", ")),
		"run that command again; afterwards the cards can be replaced once more")
}

// bringIntoForce changes the token. Every step may be repeated.
func (c *replacer) bringIntoForce() error {
	token, err := c.w.token(c.m)
	if err != nil {
		return err
	}
	state, err := c.newModuleKey(token)
	if err != nil {
		return err
	}
	op, err := c.w.Login(c.m, c.UserPIN)
	if err != nil {
		return err
	}
	err = c.rewrap(op, &state)
	if err = cmp.Or(err, op.Close()); err != nil {
		return err
	}
	if err := c.changePIN(token); err != nil {
		return err
	}
	return c.commit(state)
}

// officer logs in as SO with whichever cards the token takes now.
func (c *replacer) officer(token hsm.Token) (so *hsm.SecurityOfficer, changed bool, err error) {
	if so, err = c.Old.officer(c.m, token); err == nil {
		return so, false, nil
	}
	if so, nextErr := c.next.officer(c.m, token); nextErr == nil {
		return so, true, nil
	}
	return nil, false, err
}

func (c *replacer) newModuleKey(token hsm.Token) (CardState, error) {
	w, set := c.w, c.next.Set
	state := CardState{Type: cardsType, Version: 1, Rehearsal: w.Rehearsal, HKNSO: w.HKNSO, Cards: set, Blobs: map[string]string{}, Created: now()}
	km, err := c.next.secret.ModuleKey()
	if err != nil {
		return state, err
	}
	defer km.Wipe()
	state.CheckValue = checkValue(km)
	so, _, err := c.officer(token)
	if err != nil {
		return state, err
	}
	defer so.Close()
	if _, err := so.DestroyLabelled(moduleKey(set)); err != nil { // of an interrupted run
		return state, err
	}
	return state, so.CreateModuleKey(moduleKey(set), km)
}

// rewrap probes the new module key and wraps KNSO and every key under it. A
// key that is not on this token is wrapped again from its backup: it is
// restored for the moment.
func (c *replacer) rewrap(op *Operator, state *CardState) error {
	label := moduleKey(c.next.Set)
	if err := op.user.ProbeModuleKey(label); err != nil {
		return err
	}
	blob, err := op.user.Backup(label, op.knso)
	if err != nil {
		return err
	}
	state.KNSOBlob = encodeBlob(blob)
	keys, err := c.w.Keys()
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.App != Simple {
			continue
		}
		if blob, err = c.rewrapOne(op, label, k); err != nil {
			return err
		}
		state.Blobs[k.Name()] = encodeBlob(blob)
	}
	c.Say("%d backup(s) wrapped again under the new module key", len(state.Blobs)+1)
	_, err = c.out.encode(*state) // before the SO PIN is changed
	return err
}

// rewrapOne wraps a key on the token, once it is known to be the one that was
// backed up, or one that is not there, such as a retired key, from its backup.
func (c *replacer) rewrapOne(op *Operator, label string, k KeyFile) ([]byte, error) {
	key, err := op.find(k)
	if errors.Is(err, hsm.ErrNotFound) {
		return c.rewrapBorrowed(op, label, k)
	}
	if err != nil {
		return nil, err
	}
	if err := op.matchesBackup(k.Ident, key); err != nil {
		return nil, err
	}
	return op.user.Backup(label, key)
}

// borrowedLabel is the label of a key that is on the token for the length of a wrap.
const borrowedLabel = "byok-borrowed"

func (c *replacer) rewrapBorrowed(op *Operator, label string, k KeyFile) (again []byte, err error) {
	blob, err := c.w.backupOf(k)
	if err != nil {
		return nil, err
	}
	km, err := c.Old.secret.ModuleKey()
	if err != nil {
		return nil, err
	}
	defer km.Wipe()
	if _, err := op.user.DestroyLabelled(borrowedLabel); err != nil { // of an interrupted run
		return nil, err
	}
	defer func() {
		_, cleanErr := op.user.DestroyLabelled(borrowedLabel)
		err = cmp.Or(err, cleanErr)
	}()
	if err := op.user.Restore(borrowedLabel, publicOf(k), km, blob); err != nil {
		return nil, err
	}
	key, err := op.user.FindKey(borrowedLabel)
	if err != nil {
		return nil, err
	}
	return op.user.Backup(label, key)
}

// changePIN gives the token the new cards' SO PIN. An adopted token keeps its
// own, sealed under the new cards.
func (c *replacer) changePIN(token hsm.Token) error {
	if c.w.state.SOPIN != "" {
		return nil
	}
	so, changed, err := c.officer(token)
	if err != nil || changed {
		if so != nil {
			so.Close()
		}
		return err
	}
	defer so.Close()
	old, err := c.Old.soPIN()
	if err != nil {
		return err
	}
	defer old.Wipe()
	next, err := c.next.soPIN()
	if err != nil {
		return err
	}
	defer next.Wipe()
	return so.ChangePIN(old, next)
}

// commit names the new card state, which puts the new set into force, and then
// destroys the old module key.
func (c *replacer) commit(state CardState) error {
	if c.w.state.SOPIN != "" {
		pin, err := c.Old.soPIN()
		if err != nil {
			return err
		}
		defer pin.Wipe()
		if state.SOPIN, err = sealPIN(c.next.secret, pin); err != nil {
			return err
		}
	}
	op, err := c.w.Login(c.m, c.UserPIN)
	if err != nil {
		return err
	}
	err = c.out.commit(state, op, c.w.knso)
	if err == nil {
		_, err = op.user.DestroyLabelled(moduleKey(c.w.state.Cards))
	}
	if err = cmp.Or(err, op.Close()); err != nil {
		return err
	}
	return clearPending(c.path)
}

// FinishReplacement ends a replacement that was interrupted after the new set
// came into force: the old module key is still there. It tells whether that
// was the replacement which is asked for now, so that nothing is left to do.
func (w *World) FinishReplacement(m *hsm.Module, pin *secret.Bytes, asked CardOrder) (bool, error) {
	set := w.state.Cards
	path := cardsPath(w.dir, set.Number)
	if !exists(pendingPath(path)) {
		return false, nil
	}
	op, err := w.Login(m, pin)
	if err != nil {
		return false, err
	}
	_, err = op.user.DestroyLabelled(moduleKey(quorum.CardSet{Number: set.Number - 1}))
	if err = cmp.Or(err, op.Close()); err != nil {
		return false, err
	}
	names, err := quorum.CheckHolders(asked.names())
	if err != nil {
		return false, err
	}
	return asked.Quorum == set.Quorum && slices.Equal(names, set.Holders), clearPending(path)
}
