package session

import (
	"cmp"
	"fmt"

	"byok/internal/cards"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/locks"
	"byok/internal/pins"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/statement"
)

// Quorum is a quorum session: one process, from the K-th card read to its end.
// It holds a lock on kmdata and one on the token throughout. Close it.
type Quorum struct {
	*Station
	HSM         *hsm.Session // read-write; roles come and go in it
	access      Access
	cards       *cards.Quorum
	knso        KNSO
	pin         *secret.Bytes
	brk         *statement.Break // for the next statement
	above       int              // the highest number known from token or paper
	anchors     []string         // labels of the token's, as the first login saw them; nil: not listed yet
	unanchored  bool             // the token does not carry the anchor of the newest statement
	inRow       bool             // several statements are signed, see InRow
	release     func()
	kml         hsm.Key       // as this login has found it; Label is "" before
	wrapping    *hsm.Wrapping // of backups, as this login has found it
	former      *KNSO         // of the cards that are being replaced
	formerCards *cards.Quorum // wiped with the session
}

// Begin opens a quorum session on a connected station. It asks for the user
// PIN, recognises the module and proves that its trusted keys are the world's
// and frozen; then it reads K cards, and verifies before anything else that
// kmdata is the cards' own, that the log continues the last statement, and
// that the token's anchor knows of no later one.
func Begin(a Access, station *Station, media []cards.Medium) (*Quorum, error) {
	return begin(a, station, media, (*Quorum).open)
}

// BeginNew opens a quorum session on a token that is to join the world: it
// carries nothing of it yet, so that no one logs in, and the last statement is
// compared with the paper of the card holders.
func BeginNew(a Access, station *Station, media []cards.Medium) (*Quorum, error) {
	return begin(a, station, media, (*Quorum).openNew)
}

// begin refuses to call people when they are too few, and takes the locks.
func begin(
	a Access, s *Station, media []cards.Medium, open func(*Quorum, []cards.Medium) error,
) (*Quorum, error) {
	if err := cmp.Or(pins.CheckPad(s.Token, s.Module.Guard), MayRead(s.Chain, media)); err != nil {
		return nil, err
	}
	release, err := locks.Hold(s.Chain.Dir(), s.Module.Library, s.Token)
	if err != nil {
		return nil, err
	}
	q := &Quorum{Station: s, access: a, release: release, pin: secret.New(0)}
	opened := false
	defer func() {
		if !opened { // also after a panic
			q.Close()
		}
	}()
	if err := tidy(s.Chain); err != nil {
		return nil, err
	}
	if err := open(q, media); err != nil {
		return nil, err
	}
	opened = true
	return q, nil
}

func (s *Quorum) open(media []cards.Medium) (err error) {
	if s.HSM, err = s.Loaded.Open(s.Token); err != nil {
		return err
	}
	s.HSM.Guarding = Guarding(s.Module.Traits())
	if err := s.meet(media); err != nil {
		return err
	}
	return s.checkRecord(s.checkAnchor)
}

// meet gets the user PIN and reads the cards, the PIN first where a person has
// it: a wrong one, or a wrong device, shows before the cards are called.
func (s *Quorum) meet(media []cards.Medium) error {
	if !s.Module.Traits().UserPIN {
		if err := s.askPIN(); err != nil {
			return err
		}
		return s.readCards(media)
	}
	if err := s.readCards(media); err != nil {
		return err
	}
	if s.access.WithoutUser {
		return nil
	}
	var err error
	if s.pin, err = s.Present(pins.User); err != nil {
		return err
	}
	return pins.User.Changed(s.Token, s.Module.Traits(), s.recogniseAll())
}

func (s *Quorum) openNew(media []cards.Medium) error {
	if err := s.readCards(media); err != nil {
		return err
	}
	return s.checkRecord(func() ([]string, error) { return s.checkPaper("a new module carries no anchor") })
}

// askPIN asks for the user PIN and logs in with it.
func (s *Quorum) askPIN() (err error) {
	if s.access.WithoutUser {
		return nil
	}
	Announce(s.access.UI, s.Token, hsm.RoleUser)
	if s.pin, err = s.access.UI.UserPIN(s.Token); err != nil {
		return err
	}
	return s.recogniseAll()
}

// recogniseAll recognises the module and its trusted keys, as user.
func (s *Quorum) recogniseAll() error {
	return s.AsUser(func() error {
		if _, err := recognise(s.HSM, s.Module); err != nil {
			return err
		}
		if err := s.HSM.Sweep(); err != nil {
			return err
		}
		return s.proveTrusted()
	})
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

// AsUser runs f while the user is logged in.
func (s *Quorum) AsUser(f func() error) error { return s.As(hsm.RoleUser, s.pin, f) }

// AsSO runs f while the security officer is logged in with the PIN from the
// cards.
func (s *Quorum) AsSO(f func() error) error {
	Announce(s.access.UI, s.Token, hsm.RoleSO)
	pin, err := s.Present(pins.SO)
	if err != nil {
		return err
	}
	defer pin.Wipe()
	if err := s.login(hsm.RoleSO, pin); err != nil {
		return pins.SO.Changed(s.Token, s.Module.Traits(), err)
	}
	err = f()
	return cmp.Or(err, s.HSM.Logout())
}

// As runs f while a role is logged in.
func (s *Quorum) As(role hsm.Role, pin *secret.Bytes, f func() error) error {
	if s.HSM.Role() == role { // f is part of something that has logged in
		return f()
	}
	if err := s.login(role, pin); err != nil {
		return err
	}
	err := f()
	return cmp.Or(err, s.HSM.Logout())
}

// login begins a login, for which objects are found again.
func (s *Quorum) login(role hsm.Role, pin *secret.Bytes) error {
	s.kml, s.wrapping = hsm.Key{}, nil
	return s.HSM.Login(role, pin)
}

// Announce says that a login may be the last one that the token allows, before
// the try is spent.
func Announce(ui UI, t hsm.Token, role hsm.Role) {
	if t.PINState(role) == hsm.PINFinal {
		ui.Warn(fmt.Sprintf("%v reports that one try of the %v PIN is left: a wrong one locks it", t, role))
	}
}
