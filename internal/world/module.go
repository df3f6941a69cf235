package world

import (
	"encoding/base64"
	"fmt"
	"slices"

	"byok/internal/adoption"
	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/keywrap"
	"byok/internal/kmdata"
	"byok/internal/library"
	"byok/internal/pins"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/twologins"
)

// module is an HSM while it joins the world, or while its cards are replaced:
// what has to be put on its token, and what its statement will say.
type module struct {
	ui       session.UI
	hsm      *hsm.Module
	token    hsm.Token
	library  library.Identity
	id       string
	guard    statement.Guard
	sealed   struct{ so, user string } // PINs that could not be derived
	pin      *secret.Bytes
	user     *secret.Bytes // with two logins the quorum's
	two      twologins.Order
	operator *secret.Bytes // where there are two logins; nil: not asked for
	form     keywrap.Form
	kw       []byte // KW wrapped under KM
	leftOut  []string
	trusted  statement.TrustRoute
	rows     []statement.Finding
	others   []string // certificates and vendor objects on the token
	kml      string
	vendor   string // a quorum of the vendor's own, as stated
	lone     bool   // the token has no SO role: no one resets the user PIN
	// refused: KM is on the token, and was proved to wrap nothing before the
	// vendor's tool trusted it. keep notes that.
	refused bool
	keep    func() error
}

func (m *module) traits() statement.Traits {
	if m.two.Rights {
		return statement.WithRights()
	}
	t := m.guard.Traits()
	t.SOPIN = t.SOPIN && !m.lone
	return t
}

// equipment is what the module must have on its token.
func (m *module) equipment(set kmdata.Set) session.Equipment {
	return session.Equipment{Module: m.id, Guard: m.guard, Set: set, Form: m.form}
}

// load has the library accepted, and loads it.
func (m *module) load(path string, rehearsal bool) (err error) {
	if m.library, err = session.Accept(path, rehearsal, nil, m.ui); err != nil {
		return err
	}
	m.hsm, err = hsm.Load(m.library.Path)
	return err
}

// ask has the serial typed and gets the user PIN, before the cards are called.
func (m *module) ask(userPIN func() (*secret.Bytes, error)) (err error) {
	if err := m.hsm.CheckMechanisms(m.token); err != nil {
		return err
	}
	if err := pins.CheckPad(m.token, m.guard); err != nil {
		return err
	}
	if err := m.ui.AcceptSerial(m.token.String(), m.token.Serial); err != nil {
		return err
	}
	m.lone = m.traits().UserPIN && m.token.LacksSO()
	if t := m.traits(); t.UserPIN && t.SOPIN {
		return nil // it comes from the cards
	}
	if m.user, err = userPIN(); err != nil {
		return err
	}
	if m.operator, m.user, err = m.two.Ask(m.token, m.user); err != nil {
		return err
	}
	return m.token.CheckPIN(m.user)
}

// as runs f in a session of its own while a role is logged in.
func (m *module) as(role hsm.Role, pin *secret.Bytes, f func(*hsm.Session) error) error {
	on, err := m.hsm.Open(m.token)
	if err != nil {
		return err
	}
	defer on.Close()
	on.Guarding = session.Guarding(m.traits())
	if err := on.Login(role, pin); err != nil {
		return err
	}
	return f(on)
}

// weakPIN is the strength in bits under which a derived PIN is said and recorded.
const weakPIN = 80

// derive derives the PINs of the module that the cards hold from the world
// secret, where an SO can set them.
func (m *module) derive(s *quorum.Secret, set quorum.CardSet) (err error) {
	if !m.traits().SOPIN {
		return nil
	}
	n := pins.Length(m.token)
	if bits := quorum.PINBits(n); bits < weakPIN {
		m.ui.Warn(fmt.Sprintf("%v accepts PINs of at most %d characters: the one from the cards has %d bits",
			m.token, n, bits))
	}
	if m.pin, err = pins.SO.Derive(s, set, m.id, n); err != nil || !m.traits().UserPIN {
		return err
	}
	m.user, err = pins.User.Derive(s, set, m.id, n)
	return err
}

// opens reports whether the SO PIN of the cards is the token's already.
func (m *module) opens() bool {
	return m.as(hsm.RoleSO, m.pin, func(*hsm.Session) error { return nil }) == nil
}

// initialise runs C_InitToken on a free token.
func (m *module) initialise(label string) (err error) {
	if m.token, err = m.hsm.Initialise(m.token, m.pin, label); err != nil {
		return err
	}
	m.ui.Say("%v initialised; its SO PIN comes from the cards", m.token)
	return nil
}

func (m *module) changeSOPIN(old, next *secret.Bytes) error {
	return m.as(hsm.RoleSO, old, func(on *hsm.Session) error { return on.ChangePIN(old, next) })
}

// equip puts the keys of a card set on the token that joins: as SO the user
// PIN, where setUserPIN says so, KM and, in the two-step form, KW; as user KML,
// and KM where the vendor's tool trusts it. Whatever an interrupted run left
// under the same labels goes first.
func (m *module) equip(set kmdata.Set, setUserPIN bool) error {
	if err := m.equipAsSO(set, setUserPIN); err != nil {
		return err
	}
	return m.as(hsm.RoleUser, m.user, func(on *hsm.Session) (err error) {
		if err := m.makeKML(on); err != nil {
			return err
		}
		if err := m.trustByTool(on, set); err != nil {
			return err
		}
		if m.form, err = m.hsm.Form(m.token); err != nil {
			return err
		}
		if m.others, err = adoption.Others(on); err != nil {
			return err
		}
		return m.probe(on, set)
	})
}

func (m *module) equipAsSO(set kmdata.Set, setUserPIN bool) error {
	if !m.traits().SOPIN {
		return nil
	}
	return m.as(hsm.RoleSO, m.pin, func(on *hsm.Session) error {
		if setUserPIN {
			if err := on.InitPIN(m.user); err != nil {
				return err
			}
		}
		if m.traits().Trusted != statement.TrustedBySO {
			return nil
		}
		return m.trust(on, set)
	})
}

// trust makes the trusted keys of a card set, in an SO session.
func (m *module) trust(on *hsm.Session, set kmdata.Set) error {
	km, err := set.KM.ModuleKey()
	if err != nil {
		return err
	}
	labels := []string{statement.KMLabel(m.id, set.Cards.Number), statement.KWLabel(m.id, set.Cards.Number)}
	for _, label := range labels {
		if _, err := on.DestroyLabelled(label); err != nil {
			return err
		}
	}
	if m.form, err = m.hsm.Form(m.token); err != nil {
		return err
	}
	object, err := on.TrustKM(labels[0], km, m.form)
	if err != nil {
		return err
	}
	m.kw = nil
	if m.form == keywrap.TwoSteps {
		if _, m.kw, err = on.MakeKW(labels[1], object); err != nil {
			return err
		}
	}
	m.leftOut, m.trusted = on.LeftOut(), statement.TrustRoute(on.TrustRoute())
	return nil
}

// makeKML generates KML. One that is there already is certified by no
// statement yet, and may be anybody's.
func (m *module) makeKML(on *hsm.Session) error {
	label := statement.KMLLabel(m.id)
	if _, err := on.DestroyLabelled(label); err != nil {
		return err
	}
	key, err := on.GenerateKML(label)
	if err != nil {
		return err
	}
	m.kml, err = keykind.MarshalPublicKey(key.Public)
	return err
}

// probe tries everything that the guard rests on. What two logins may do is tried
// with both: see prove.
func (m *module) probe(on *hsm.Session, set kmdata.Set) error {
	if m.two.Rights {
		return nil
	}
	if err := session.CheckTrusted(on, m.equipment(set)); err != nil {
		return err
	}
	rows, err := session.ProveGuard(on, m.equipment(set))
	m.rows = append(m.rows, rows...)
	return err
}

// anchor puts the anchor of a statement on the token.
func (m *module) anchor(e kmdata.Entry, set kmdata.Set) error {
	if !session.Anchors(m.guard) {
		return nil
	}
	km, err := set.KM.ModuleKey()
	if err != nil {
		return err
	}
	err = m.as(hsm.RoleSO, m.pin, func(on *hsm.Session) error {
		return on.SetAnchor(session.AnchorOf(e).Label(), km)
	})
	if err != nil {
		return fmt.Errorf("%v is signed, but the token does not carry its anchor: %w", e, err)
	}
	return nil
}

// statement is the module statement of what was done.
func (m *module) statement(set quorum.CardSet) *statement.Module {
	return &statement.Module{
		Module:  m.id,
		CardSet: set.Number,
		Guard:   m.guard,
		Trust:   m.trusted,

		RightsPerLogin: m.two.Rights,
		VendorQuorum:   m.vendor,

		Library:  m.library,
		Token:    session.TokenOf(m.token),
		SOPIN:    pins.Stated(m.traits().SOPIN, m.pin, m.sealed.so),
		UserPIN:  pins.Stated(m.traits().UserPIN, m.user, m.sealed.user),
		KML:      m.kml,
		Form:     m.form,
		KW:       base64.StdEncoding.EncodeToString(m.kw),
		LeftOut:  slices.Clone(m.leftOut),
		Findings: m.rows,
		Others:   m.others,
	}
}

// Close wipes the PINs and unloads the library, of a module that joins.
func (m *module) Close() {
	m.Wipe()
	m.user.Wipe()
	m.operator.Wipe()
	m.hsm.Close()
}

// Wipe wipes the module's SO PIN. In a session the user PIN is the session's.
func (m *module) Wipe() { m.pin.Wipe() }
