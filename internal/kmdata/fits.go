package kmdata

import (
	"errors"
	"fmt"

	"byok/internal/exitcode"
	"byok/internal/statement"
)

// follows holds a statement's header to the statement before it. Only a break
// may leave out numbers: those of statements that the people know to be lost.
func (c *Chain) follows(path string, h statement.Header) error {
	if len(c.entries) == 0 {
		return nil // the world file
	}
	last := c.Last()
	gap := h.Number - last.Number()
	switch {
	case gap < 1:
		return exitcode.Errorf(exitcode.Check, "%s: statement %d is there already", path, h.Number)
	case gap > 1 && h.Break == nil && !c.partial:
		return exitcode.Errorf(exitcode.Check, "%s: statement %d is missing before it", path, last.Number()+1).
			Hint("restore %s from a copy of kmdata", StatementsDir(c.dir))
	case h.Previous != last.Sum && (gap == 1 || !c.partial):
		return exitcode.Errorf(exitcode.Check,
			"%s: it does not follow statement %d: one of them was altered or is of another copy", path, last.Number())
	case h.HKNSO != c.HKNSO():
		return exitcode.Errorf(exitcode.Check, "%s: it was signed for hknso %.8s, and %.8s is in force",
			path, h.HKNSO, c.HKNSO())
	case h.Rehearsal != c.Rehearsal():
		return exitcode.Errorf(exitcode.Check, "%s: its rehearsal mark is not the world's", path)
	case h.Break == nil && !c.partial && !h.Log.Continues(statement.HeaderOf(last.Statement).Log):
		return exitcode.Errorf(exitcode.Check, "%s: field log: it does not continue the log of statement %d",
			path, last.Number())
	}
	return nil
}

// fits holds what a statement says to the statements before it.
func (c *Chain) fits(s statement.Statement) error {
	if len(c.entries) == 0 {
		return nil // the world file
	}
	if err := statement.CheckQuorum(c.Set().Cards, statement.HeaderOf(s).Present); err != nil {
		return err
	}
	switch s := s.(type) {
	case *statement.Cards:
		return c.fitsCards(s)
	case *statement.Module:
		return c.fitsModule(s)
	case *statement.Origin:
		return c.fitsOrigin(s)
	case *statement.Authorization:
		return c.fitsAuthorization(s)
	}
	return nil
}

// fitsCards: everything is new in a card set.
func (c *Chain) fitsCards(s *statement.Cards) error {
	sets := c.Sets()
	if want := sets[len(sets)-1].Cards.Number + 1; s.Cards.Number != want {
		return fmt.Errorf("field cards.number: expected %d", want)
	}
	for _, old := range sets {
		if s.Cards.HKNSO == old.Cards.HKNSO {
			return fmt.Errorf("field cards.hknso: it is that of card set %d; expected a new KNSO", old.Cards.Number)
		}
		if s.KM.PublicKey == old.KM.PublicKey {
			return fmt.Errorf("field km: it is that of card set %d; expected a new KM", old.Cards.Number)
		}
	}
	for _, p := range s.PINs {
		if _, err := c.Module(p.Module); err != nil && !c.partial {
			return fmt.Errorf("field pins: %w", err)
		}
	}
	return nil
}

// fitsModule: a module keeps its KML for life, and one that was struck off
// does not come back; its token joins as a new module.
func (c *Chain) fitsModule(m *statement.Module) error {
	before, number := c.newest(m.Module)
	switch {
	case before == nil && m.StruckOff != "":
		return fmt.Errorf("field module: no statement of this world names the module %s", m.Module)
	case before != nil && before.StruckOff != "":
		return fmt.Errorf("field module: statement %d struck the module %s off", number, m.Module)
	case m.StruckOff != "":
		return nil
	case before != nil && m.KML != before.KML:
		return fmt.Errorf("field kml: statement %d gives the module another KML", number)
	case m.CardSet != c.Set().Cards.Number:
		return fmt.Errorf("field card_set: expected %d", c.Set().Cards.Number)
	case m.Guard.Weaker(c.World().Guard):
		return fmt.Errorf("field guard: %s is weaker than the world's, %s", m.Guard, c.World().Guard)
	case m.Traits().UserPIN != (m.UserPIN != statement.PIN{}):
		return fmt.Errorf("field user_pin: required where the cards hold the user PIN, and only there; the guard is %s",
			m.Guard)
	}
	return nil
}

// fitsOrigin: whatever comes later, a key's origin never gets better.
func (c *Chain) fitsOrigin(o *statement.Origin) error {
	if m, _ := c.newest(o.Module); m == nil {
		return fmt.Errorf("field module: no statement of this world names the module %s", o.Module)
	}
	if err := c.fitsReplaced(o.Replaces); err != nil {
		return err
	}
	before, found := c.originOf(o.Ident, o.Identity)
	if found && !before.Replaces.Same(o.Replaces) {
		return fmt.Errorf("field replaces: statement %d says otherwise of the key", before.Number)
	}
	if o.Origin != statement.OriginQuorum {
		return nil
	}
	switch {
	case !found && o.Restored:
		return errors.New("field origin: no statement says quorum of the key that was restored")
	case found && before.Origin != statement.OriginQuorum:
		return fmt.Errorf("field origin: statement %d says %s of the key", before.Number, before.Origin)
	}
	return nil
}

// fitsAuthorization holds an authorization to the module, the origins and the
// module keys of the statements before it.
func (c *Chain) fitsAuthorization(a *statement.Authorization) error {
	m, err := c.Module(a.Module)
	if err != nil {
		return fmt.Errorf("field module: %w", err)
	}
	sum, err := m.KMLHash()
	switch {
	case err != nil:
		return err
	case sum != a.KML:
		return fmt.Errorf("field kml_sha256 is not that of the KML in statement %d", m.Number)
	case a.Guard != m.Guard:
		return fmt.Errorf("field guard: statement %d says %s of the module", m.Number, m.Guard)
	case m.CardSet != c.Set().Cards.Number:
		return fmt.Errorf("field module: the card replacement has not reached the module %s", a.Module)
	}
	for i, p := range a.Pairs {
		if err := c.fitsPair(a, p); err != nil {
			return fmt.Errorf("pair %d: %w", i+1, err)
		}
	}
	return nil
}

func (c *Chain) fitsPair(a *statement.Authorization, p statement.Pair) error {
	origin, restored := c.OriginOf(p.Ident, p.Identity, a.Module)
	if !c.partial && (p.Origin != origin || p.Restored != restored) {
		return fmt.Errorf("field origin: the statements say %s, restored %t", origin, restored)
	}
	if r, decided := c.replaced(p.Ident, p.Identity); !c.partial && decided && !r.Same(p.Replaces) {
		return errors.New("field replaces: the key's origin says otherwise")
	}
	if err := c.fitsReplaced(p.Replaces); err != nil {
		return err
	}
	for _, set := range c.Sets() {
		sum, err := set.KM.Hash()
		if err != nil {
			return err
		}
		if sum == p.KEK.Fingerprint {
			return fmt.Errorf("field kek: it is KM of card set %d", set.Cards.Number)
		}
	}
	return nil
}
