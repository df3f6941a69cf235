package session

import (
	"cmp"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/pins"
	"byok/internal/secret"
	"byok/internal/statement"
)

// Operator is a connected module with the user logged in. Close it.
type Operator struct {
	*Station
	User *hsm.User
	key  hsm.Key // KML
}

// AskUser asks for the user PIN, logs the user in, and gives the module to f.
func AskUser(station *Station, ui UI, f func(*Operator) error) error {
	Announce(ui, station.Token, hsm.RoleUser)
	pin, err := ui.UserPIN(station.Token)
	if err != nil {
		return err
	}
	defer pin.Wipe()
	o, err := Login(station, pin)
	if err != nil {
		return err
	}
	defer o.Close()
	return f(o)
}

// WithOperator is [AskUser], or, where the cards hold the only user PIN, reads K
// cards for it: no one works on such a module without them.
func WithOperator(a Access, station *Station, media []cards.Medium, f func(*Operator) error) error {
	if !station.Module.Traits().Alone() {
		return AskUser(station, a.UI, f)
	}
	pin, err := pinOfCards(a, station, media)
	if err != nil {
		return err
	}
	defer pin.Wipe()
	o, err := Login(station, pin)
	if err != nil {
		return pins.User.Changed(station.Token, station.Module.Traits(), err)
	}
	defer o.Close()
	return f(o)
}

// pinOfCards reads K cards for the user PIN, and forgets them.
func pinOfCards(a Access, station *Station, media []cards.Medium) (pin *secret.Bytes, err error) {
	if err := cmp.Or(pins.CheckPad(station.Token, station.Module.Guard), MayRead(station.Chain, media)); err != nil {
		return nil, err
	}
	q := &Quorum{Station: station, access: a}
	if q.HSM, err = station.Loaded.Open(station.Token); err != nil {
		return nil, err
	}
	defer func() {
		q.HSM.Close()
		q.cards.Wipe()
	}()
	if err := q.readCards(media); err != nil {
		return nil, err
	}
	return q.Present(pins.User)
}

// Login logs the user in and recognises the module by its KML: a token of the
// same serial number that holds another key is refused.
func Login(station *Station, pin *secret.Bytes) (*Operator, error) {
	user, err := station.Loaded.User(station.Token, pin)
	if err != nil {
		return nil, err
	}
	user.Guarding = Guarding(station.Module.Traits())
	o := &Operator{Station: station, User: user}
	if o.key, err = recognise(user.Session, station.Module); err != nil {
		_ = user.Close()
		return nil, err
	}
	return o, nil
}

// FindKML finds the module signing key, which must be the certified one.
func FindKML(token *hsm.Session, m *statement.Module) (hsm.Key, error) {
	key, err := token.FindKey(statement.KMLLabel(m.Module))
	if err != nil {
		return key, err
	}
	certified, err := m.Signer()
	if err != nil {
		return key, err
	}
	if !keykind.SamePublicKey(key.Public, certified) {
		return key, exitcode.Errorf(exitcode.Check, "%s: the token's KML is not the one that statement %d certifies",
			m.Token, m.Number).
			Hint("connect the module that the statement names; byok-offline world info shows them")
	}
	return key, nil
}

// recognise finds KML and has it prove itself, with its handle: a public key is
// easily put on another token.
func recognise(token *hsm.Session, m *statement.Module) (hsm.Key, error) {
	key, err := FindKML(token, m)
	if err != nil {
		return key, err
	}
	return key, token.Proves(key, hsm.Identity{Public: key.Public})
}

// Close logs the operator out.
func (o *Operator) Close() error { return o.User.Close() }

// Sign signs with KML: the SHA-256 of data, ECDSA in DER.
func (o *Operator) Sign(data []byte) ([]byte, error) { return o.User.Sign(o.key, data) }

// kmlSigner signs with KML in a quorum session, while the user is logged in.
type kmlSigner struct{ s *Quorum }

// KML signs with the module's KML, while the user is logged in.
func (s *Quorum) KML() kmdata.Signer { return kmlSigner{s} }

// Sign signs with KML: the SHA-256 of data, ECDSA in DER.
func (k kmlSigner) Sign(data []byte) ([]byte, error) {
	if k.s.kml.Label == "" {
		if err := k.s.findKML(); err != nil {
			return nil, err
		}
	}
	sig, err := k.s.HSM.Sign(k.s.kml, data)
	if err != nil { // it may be gone
		err = cmp.Or(k.s.findKML(), err)
	}
	return sig, err
}

// findKML finds KML for this login. Each signature shows that it is the certified one.
func (s *Quorum) findKML() error {
	certified, err := s.Module.Signer()
	if err != nil {
		return err
	}
	key, err := hsm.Expected(statement.KMLLabel(s.Module.Module), certified)
	if err != nil {
		return err
	}
	key, err = s.HSM.FindAgain(key)
	if err == nil {
		s.kml = key
	}
	return err
}
