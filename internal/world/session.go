package world

import (
	"cmp"
	"fmt"
	"slices"

	"byok/internal/cards"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/quorum"
	"byok/internal/secret"
)

// Session is a quorum session: one process, from the K-th card read to its
// end. It holds a lock on the token throughout. Close it.
type Session struct {
	*Station
	access  Access
	cards   *cards.Quorum
	knso    knso
	token   *hsm.Session // read-write; roles come and go in it
	pin     *secret.Bytes
	brk     *kmdata.Break // for the next statement
	above   int           // the highest number known from token or paper
	signed  bool          // a statement was signed that is not anchored yet
	release func()

	former      *knso         // of the cards that are being replaced
	formerCards *cards.Quorum // wiped with the session
}

// Begin opens a quorum session on a connected station: it asks for the user
// PIN, reads K cards, and verifies before anything else that kmdata is the
// cards' own, that the log continues the last statement, and that the token's
// anchor knows of no later one.
func Begin(a Access, station *Station, media []cards.Medium) (*Session, error) {
	if err := enough(station.Chain.Set().Cards, media); err != nil {
		return nil, err
	}
	release, err := lockToken(station.Module.Token)
	if err != nil {
		return nil, err
	}
	s := &Session{Station: station, access: a, release: release}
	if err := s.open(media); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// enough refuses to call people when they are too few.
func enough(set quorum.CardSet, media []cards.Medium) error {
	if n := len(media); n < set.Quorum.K {
		return exitcode.Errorf(exitcode.Refused, "%d cards were given, and this world needs %d", n, set.Quorum.K).
			Hint("give --card once for each of %d cards", set.Quorum.K)
	}
	return nil
}

// lockToken keeps a second session from the same token, whatever kmdata it
// works on.
func lockToken(t kmdata.Token) (func(), error) {
	return durable.Lock(tokenLock(t), "a quorum session")
}

func (s *Session) open(media []cards.Medium) (err error) {
	if s.token, err = s.hsm.Open(s.Token); err != nil {
		return err
	}
	if err := s.askPIN(); err != nil {
		return err
	}
	set := s.Chain.Set()
	s.cards, err = cards.Read(media, s.setOf, s.access.UI, set.Cards.Quorum.K)
	if err != nil {
		return err
	}
	s.knso = knso{s.cards.Secret, set}
	if err := s.knso.check(); err != nil {
		return err
	}
	return s.checkRecord()
}

// askPIN asks for the user PIN, and logs in and out with it, so that a wrong
// one shows before the cards are called.
func (s *Session) askPIN() (err error) {
	s.pin = secret.New(0)
	if s.access.WithoutUser {
		return nil
	}
	announce(s.access.UI, s.Token, hsm.RoleUser)
	if s.pin, err = s.access.UI.UserPIN(s.Token.String()); err != nil {
		return err
	}
	return s.asUser(func() error { return nil })
}

// setOf gives the card set that the first card is held to. Whoever reads cards
// verifies kmdata under the cards' hknso.
func (s *Session) setOf(card quorum.Card) (quorum.CardSet, error) {
	set := s.Chain.Set().Cards
	if card.HKNSO == set.HKNSO {
		return set, nil
	}
	for _, old := range s.Chain.Sets() {
		if old.Cards.HKNSO == card.HKNSO {
			return set, exitcode.Errorf(exitcode.Refused, "%v is of card set %d, which set %d has replaced", card, old.Cards.Number, set.Number).
				Hint("destroy the old card and use the new one")
		}
	}
	return set, exitcode.Errorf(exitcode.Refused, "%v is of another security world than %s (hknso %.8s, not %.8s)", card, s.Chain.Dir(), card.HKNSO, set.HKNSO).
		Hint("name that world's folder with --kmdata, or use a card of this world")
}

// Close ends the session, and with it every session object on the token.
func (s *Session) Close() {
	if s.token != nil {
		s.token.Close()
	}
	s.pin.Wipe()
	s.cards.Wipe()
	s.formerCards.Wipe()
	s.release()
}

// Cards lists the cards that were read, for the record.
func (s *Session) Cards() []kmdata.CardHolder { return present(s.cards) }

func present(q *cards.Quorum) []kmdata.CardHolder {
	list := make([]kmdata.CardHolder, 0, len(q.Cards))
	for _, c := range q.Cards {
		list = append(list, kmdata.CardHolder{Index: c.Index, Holder: c.Holder})
	}
	slices.SortFunc(list, func(a, b kmdata.CardHolder) int { return cmp.Compare(a.Index, b.Index) })
	return list
}

// asUser runs f while the user is logged in.
func (s *Session) asUser(f func() error) error { return s.as(hsm.RoleUser, s.pin, f) }

// asSO runs f while the security officer is logged in with the PIN from the
// cards.
func (s *Session) asSO(f func() error) error {
	announce(s.access.UI, s.Token, hsm.RoleSO)
	pin, err := s.soPIN()
	if err != nil {
		return err
	}
	defer pin.Wipe()
	return s.as(hsm.RoleSO, pin, f)
}

func (s *Session) as(role hsm.Role, pin *secret.Bytes, f func() error) error {
	if err := s.token.Login(role, pin); err != nil {
		return err
	}
	err := f()
	return cmp.Or(err, s.token.Logout())
}

// sign signs a statement, writes it, and shows it for the paper record.
func (s *Session) sign(statement kmdata.Statement) (kmdata.Entry, error) {
	if err := s.next(statement); err != nil {
		return kmdata.Entry{}, err
	}
	return s.append(statement, nil)
}

// next fills in a statement's header.
func (s *Session) next(statement kmdata.Statement) error {
	head, err := s.access.Log.Head()
	if err != nil {
		return err
	}
	s.Chain.Next(statement, kmdata.Session{
		Log: head, Break: s.brk, Above: s.above, Program: s.access.Program, Present: s.Cards(),
	})
	return nil
}

func (s *Session) append(statement kmdata.Statement, second kmdata.Signer) (kmdata.Entry, error) {
	entry, err := s.Chain.Append(statement, s.knso, second)
	if err != nil {
		return entry, err
	}
	s.brk, s.signed = nil, true
	sayStatement(s.access.UI, entry)
	return entry, nil
}

// sayStatement shows what goes into the paper record.
func sayStatement(ui UI, e kmdata.Entry) {
	ui.Say("%v is signed; write down: %d, %s", e, e.Number(), e.Sum.FirstWords(8))
}

// announce says that a login may be the last one that the token allows, before
// the try is spent.
func announce(ui UI, t hsm.Token, role hsm.Role) {
	if t.PINState(role) == hsm.PINFinal {
		ui.Warn(fmt.Sprintf("%v reports that one try of the %v PIN is left: a wrong one locks it", t, role))
	}
}
