package session

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

// Quorum is a quorum session: one process, from the K-th card read to its end.
// It holds a lock on the token throughout. Close it.
type Quorum struct {
	*Station
	HSM *hsm.Session // read-write; roles come and go in it

	access  Access
	cards   *cards.Quorum
	knso    KNSO
	pin     *secret.Bytes
	brk     *kmdata.Break // for the next statement
	above   int           // the highest number known from token or paper
	signed  bool          // a statement was signed that is not anchored yet
	release func()

	former      *KNSO         // of the cards that are being replaced
	formerCards *cards.Quorum // wiped with the session
}

// Begin opens a quorum session on a connected station: it asks for the user
// PIN, reads K cards, and verifies before anything else that kmdata is the
// cards' own, that the log continues the last statement, and that the token's
// anchor knows of no later one.
func Begin(a Access, station *Station, media []cards.Medium) (*Quorum, error) {
	s, err := locked(a, station, media)
	if err != nil {
		return nil, err
	}
	if err := s.open(media); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// BeginNew opens a quorum session on a token that is to join the world: it
// carries nothing of it yet, so that nobody logs in, and the last statement is
// compared with the paper of the card holders.
func BeginNew(a Access, station *Station, media []cards.Medium) (*Quorum, error) {
	s, err := locked(a, station, media)
	if err != nil {
		return nil, err
	}
	err = s.readCards(media)
	if err == nil {
		err = s.checkRecord(func() ([]string, error) { return s.checkPaper("a new module carries no anchor") })
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// locked refuses to call people when they are too few, and takes the lock that
// keeps a second session from the same token, whatever kmdata it works on.
func locked(a Access, station *Station, media []cards.Medium) (*Quorum, error) {
	if err := Enough(station.Chain, media); err != nil {
		return nil, err
	}
	release, err := durable.Lock(tokenLock(TokenOf(station.Token)), "a quorum session")
	if err != nil {
		return nil, err
	}
	return &Quorum{Station: station, access: a, release: release, pin: secret.New(0)}, nil
}

// Enough refuses fewer cards than the quorum.
func Enough(chain *kmdata.Chain, media []cards.Medium) error {
	k := chain.Set().Cards.Quorum.K
	if n := len(media); n < k {
		return exitcode.Errorf(exitcode.Refused, "%d cards were given, and this world needs %d", n, k).
			Hint("give --card once for each of %d cards", k)
	}
	return nil
}

func (s *Quorum) open(media []cards.Medium) (err error) {
	if s.HSM, err = s.Loaded.Open(s.Token); err != nil {
		return err
	}
	if err := s.askPIN(); err != nil {
		return err
	}
	if err := s.readCards(media); err != nil {
		return err
	}
	return s.checkRecord(s.checkAnchor)
}

// readCards reads K cards, and proves that the world's private halves open
// with them.
func (s *Quorum) readCards(media []cards.Medium) (err error) {
	set := s.Chain.Set()
	if s.cards, err = cards.Read(media, s.setOf, s.access.UI, set.Cards.Quorum.K); err != nil {
		return err
	}
	s.knso = KNSO{s.cards.Secret, set}
	return s.knso.check()
}

// askPIN asks for the user PIN, and logs in and out with it, so that a wrong
// one shows before the cards are called.
func (s *Quorum) askPIN() (err error) {
	if s.access.WithoutUser {
		return nil
	}
	announce(s.access.UI, s.Token, hsm.RoleUser)
	if s.pin, err = s.access.UI.UserPIN(s.Token.String()); err != nil {
		return err
	}
	return s.AsUser(func() error { return nil })
}

// setOf gives the card set that the first card is held to. Whoever reads cards
// verifies kmdata under the cards' hknso.
func (s *Quorum) setOf(card quorum.Card) (quorum.CardSet, error) {
	set := s.Chain.Set().Cards
	if card.HKNSO == set.HKNSO {
		return set, nil
	}
	for _, old := range s.Chain.Sets() {
		if old.Cards.HKNSO == card.HKNSO {
			return set, exitcode.Errorf(exitcode.Refused, "%v is of card set %d, which set %d has replaced",
				card, old.Cards.Number, set.Number).
				Hint("destroy the old card and use the new one")
		}
	}
	return set, exitcode.Errorf(exitcode.Refused, "%v is of another security world than %s (hknso %.8s, not %.8s)",
		card, s.Chain.Dir(), card.HKNSO, set.HKNSO).
		Hint("name that world's folder with --kmdata, or use a card of this world")
}

// Close ends the session, and with it every session object on the token.
func (s *Quorum) Close() {
	s.HSM.Close()
	s.pin.Wipe()
	s.cards.Wipe()
	s.formerCards.Wipe()
	s.release()
}

// UI is the dialogue of the session's command.
func (s *Quorum) UI() UI { return s.access.UI }

// KNSO signs for the card set of the session.
func (s *Quorum) KNSO() KNSO { return s.knso }

// Set is the card set whose cards were read.
func (s *Quorum) Set() kmdata.Set { return s.knso.set }

// Secret is the world secret of the card set. The session wipes it.
func (s *Quorum) Secret() *quorum.Secret { return s.cards.Secret }

// PIN is the user PIN. The session wipes it.
func (s *Quorum) PIN() *secret.Bytes { return s.pin }

// SetPIN takes the user PIN that was set a moment ago.
func (s *Quorum) SetPIN(pin *secret.Bytes) {
	s.pin.Wipe()
	s.pin = secret.Take([]byte(pin.Text()))
}

// Cards lists the cards that were read, for the record.
func (s *Quorum) Cards() []kmdata.CardHolder {
	list := make([]kmdata.CardHolder, 0, len(s.cards.Cards))
	for _, c := range s.cards.Cards {
		list = append(list, kmdata.CardHolder{Index: c.Index, Holder: c.Holder})
	}
	slices.SortFunc(list, func(a, b kmdata.CardHolder) int { return cmp.Compare(a.Index, b.Index) })
	return list
}

// AsUser runs f while the user is logged in.
func (s *Quorum) AsUser(f func() error) error { return s.As(hsm.RoleUser, s.pin, f) }

// AsSO runs f while the security officer is logged in with the PIN from the
// cards.
func (s *Quorum) AsSO(f func() error) error {
	announce(s.access.UI, s.Token, hsm.RoleSO)
	pin, err := s.SOPIN()
	if err != nil {
		return err
	}
	defer pin.Wipe()
	return s.As(hsm.RoleSO, pin, f)
}

// As runs f while a role is logged in.
func (s *Quorum) As(role hsm.Role, pin *secret.Bytes, f func() error) error {
	if err := s.HSM.Login(role, pin); err != nil {
		return err
	}
	err := f()
	return cmp.Or(err, s.HSM.Logout())
}

// Sign signs a statement, writes it, and shows it for the paper record.
func (s *Quorum) Sign(statement kmdata.Statement) (kmdata.Entry, error) {
	if err := s.Next(statement); err != nil {
		return kmdata.Entry{}, err
	}
	return s.Append(statement, nil)
}

// Next fills in a statement's header.
func (s *Quorum) Next(statement kmdata.Statement) error {
	head, err := s.access.Log.Head()
	if err != nil {
		return err
	}
	s.Chain.Next(statement, kmdata.Session{
		Log: head, Break: s.brk, Above: s.above, Program: s.access.Program, Present: s.Cards(),
	})
	return nil
}

// Append signs and writes a statement whose header Next has filled in. second
// is the new KNSO of a card replacement, nil otherwise.
func (s *Quorum) Append(statement kmdata.Statement, second kmdata.Signer) (kmdata.Entry, error) {
	entry, err := s.Chain.Append(statement, s.knso, second)
	if err != nil {
		return entry, err
	}
	s.brk, s.signed = nil, true
	SayStatement(s.access.UI, entry)
	return entry, nil
}

// SayStatement shows what goes into the paper record.
func SayStatement(ui UI, e kmdata.Entry) {
	ui.Say("%v is signed; write down: %d, %s", e, e.Number(), e.Sum.FirstWords(8))
}

// announce says that a login may be the last one that the token allows, before
// the try is spent.
func announce(ui UI, t hsm.Token, role hsm.Role) {
	if t.PINState(role) == hsm.PINFinal {
		ui.Warn(fmt.Sprintf("%v reports that one try of the %v PIN is left: a wrong one locks it", t, role))
	}
}

// PassTo makes the session the new cards', which have just come into force. It
// keeps the earlier ones until it ends, for the backups that they open.
func (s *Quorum) PassTo(issue *quorum.Issue) {
	former := s.knso
	s.former, s.formerCards = &former, s.cards
	s.cards = &cards.Quorum{Set: issue.Set, Secret: issue.Secret}
	issue.Secret = nil // the session wipes it
	for i, holder := range issue.Set.Holders {
		s.cards.Cards = append(s.cards.Cards, cards.Holding{Index: i + 1, Holder: holder})
	}
	s.knso = KNSO{s.cards.Secret, s.Chain.Set()}
}

// Former is the KNSO of the cards that were replaced, with which their backups
// open; nil where they were not read.
func (s *Quorum) Former() *KNSO { return s.former }

// ReadFormer reads K cards of the set before the one in force, unless the
// session has them.
func (s *Quorum) ReadFormer(media []cards.Medium, ui cards.UI) error {
	sets := s.Chain.Sets()
	if s.former != nil || len(sets) < 2 {
		return nil
	}
	old := sets[len(sets)-2]
	if n := len(media); n < old.Cards.Quorum.K {
		return exitcode.Errorf(
			exitcode.Refused,
			"%d cards of set %d were given, and %d are needed",
			n,
			old.Cards.Number,
			old.Cards.Quorum.K,
		)
	}
	q, err := cards.Read(
		media,
		func(quorum.Card) (quorum.CardSet, error) { return old.Cards, nil },
		ui,
		old.Cards.Quorum.K,
	)
	if err != nil {
		return err
	}
	s.formerCards = q
	former, err := NewKNSO(q.Secret, old)
	s.former = &former
	return err
}

// Current refuses a module that a card replacement did not reach yet.
func (s *Quorum) Current() error {
	if s.Module.CardSet == s.knso.set.Cards.Number {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "%s is still open to the cards of set %d", s.Module.Token, s.Module.CardSet).
		Hint("byok-offline world replace-cards --card DIR … finishes the replacement on it")
}
