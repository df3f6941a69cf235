package world

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/keywrap"
	"byok/internal/kmdata"
	"byok/internal/library"
	"byok/internal/pins"
	"byok/internal/printable"
	"byok/internal/quorum"
	"byok/internal/secondproc"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
)

// module is an HSM while it joins the world, or while its cards are replaced:
// what has to be put on its token, and what its statement will say.
type module struct {
	ui      session.UI
	hsm     *hsm.Module
	token   hsm.Token
	library library.Identity
	id      string
	guard   statement.Guard
	sealed  struct{ so, user string } // PINs that could not be derived
	pin     *secret.Bytes
	user    *secret.Bytes
	form    keywrap.Form
	kw      []byte // KW wrapped under KM
	leftOut []string
	trusted statement.TrustRoute
	rows    []statement.Finding
	others  []string // certificates and vendor objects on the token
	kml     string
	// refused: KM is on the token, and was proved to wrap nothing before the
	// vendor's tool trusted it. keep notes that.
	refused bool
	keep    func() error
}

// equipment is what the module must have on its token.
func (m *module) equipment(set kmdata.Set) session.Equipment {
	return session.Equipment{Module: m.id, Guard: m.guard, Set: set, Form: m.form}
}

// newModuleID draws the 16 random bytes that name a module, in hex.
func newModuleID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // crypto/rand.Read never fails (Go 1.24)
	return hex.EncodeToString(id)
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
	if err := m.checkPINPad(); err != nil {
		return err
	}
	if err := m.ui.AcceptSerial(m.token.String(), m.token.Serial); err != nil {
		return err
	}
	if t := m.guard.Traits(); t.UserPIN && t.SOPIN {
		return nil // it comes from the cards
	}
	if m.user, err = userPIN(); err != nil {
		return err
	}
	return m.token.CheckPIN(m.user)
}

// checkPINPad refuses a token whose PINs are typed on the device where the cards
// are to hold one of them.
func (m *module) checkPINPad() error {
	if t := m.guard.Traits(); !m.token.PINPad() || !t.SOPIN && !t.UserPIN {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "the PINs of the token in slot %d are typed on the device, "+
		"and guard %s has the cards hold one", m.token.Slot, m.guard).
		Hint("set the HSM up for PINs that a program gives, without its PIN pad or PED")
}

// as runs f in a session of its own while a role is logged in.
func (m *module) as(role hsm.Role, pin *secret.Bytes, f func(*hsm.Session) error) error {
	on, err := m.hsm.Open(m.token)
	if err != nil {
		return err
	}
	defer on.Close()
	on.Guarding = session.Guarding(m.guard)
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
	if !m.guard.Traits().SOPIN {
		return nil
	}
	n := pins.Length(m.token)
	if bits := quorum.PINBits(n); bits < weakPIN {
		m.ui.Warn(fmt.Sprintf("%v accepts PINs of at most %d characters: the one from the cards has %d bits",
			m.token, n, bits))
	}
	if m.pin, err = pins.SO.Derive(s, set, m.id, n); err != nil || !m.guard.Traits().UserPIN {
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
		if err := m.listOthers(on); err != nil {
			return err
		}
		return m.probe(on, set)
	})
}

func (m *module) equipAsSO(set kmdata.Set, setUserPIN bool) error {
	if !m.guard.Traits().SOPIN {
		return nil
	}
	return m.as(hsm.RoleSO, m.pin, func(on *hsm.Session) error {
		if setUserPIN {
			if err := on.InitPIN(m.user); err != nil {
				return err
			}
		}
		if m.guard.Traits().Trusted != statement.TrustedBySO {
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

// listOthers notes the certificates and vendor objects of the token.
func (m *module) listOthers(on *hsm.Session) error {
	items, err := on.Inventory()
	for _, item := range items {
		if !item.Class.HoldsSecrets() {
			m.others = append(m.others, session.DescribeItem(item))
		}
	}
	return err
}

// probe tries everything that the guard rests on.
func (m *module) probe(on *hsm.Session, set kmdata.Set) error {
	if err := session.CheckTrusted(on, m.equipment(set)); err != nil {
		return err
	}
	rows, err := session.ProveGuard(on, m.equipment(set))
	m.rows = append(m.rows, rows...)
	return err
}

// prove has a second process of the program try what it could do while this
// one is logged in. A guard that puts no session object between a key and the
// vault does not need those to be unseen.
func (m *module) prove() error {
	rows, err := m.tryProcess()
	if err != nil {
		return err
	}
	var bad []string
	for _, r := range rows {
		m.rows = append(m.rows, statement.Finding{Name: r.Name, Outcome: string(r.Outcome), Detail: r.Detail})
		if r.Outcome != secondproc.Held && (r.Name != secondproc.RowSession || !m.guard.Traits().ByKM) {
			bad = append(bad, r.Name+": "+string(r.Outcome))
		}
	}
	if len(bad) > 0 {
		return exitcode.Errorf(exitcode.HSM, "%v does not isolate processes: %s", m.token, strings.Join(bad, "; ")).
			Hint("byok-offline module check --module-path %s shows every finding", printable.Quote(m.hsm.Path))
	}
	return nil
}

func (m *module) tryProcess() ([]secondproc.Row, error) {
	if m.guard.Traits().Trusted == statement.TrustedBySO {
		return secondproc.Prove(m.hsm, m.token, m.pin, m.user)
	}
	return secondproc.ProveUser(m.hsm, m.token, m.user)
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
		Module:   m.id,
		CardSet:  set.Number,
		Guard:    m.guard,
		Trust:    m.trusted,
		Library:  m.library,
		Token:    session.TokenOf(m.token),
		SOPIN:    stated(m.guard.Traits().SOPIN, m.pin, m.sealed.so),
		UserPIN:  stated(m.guard.Traits().UserPIN, m.user, m.sealed.user),
		KML:      m.kml,
		Form:     m.form,
		KW:       base64.StdEncoding.EncodeToString(m.kw),
		LeftOut:  slices.Clone(m.leftOut),
		Findings: m.rows,
		Others:   m.others,
	}
}

// stated is what the statement says of a PIN that the cards hold.
func stated(held bool, pin *secret.Bytes, sealed string) (p statement.PIN) {
	if !held {
		return p
	}
	p = statement.PIN{Characters: pin.Len(), Sealed: sealed}
	if sealed == "" {
		p.Bits = quorum.PINBits(pin.Len())
	}
	return p
}

// Close wipes the PINs and unloads the library, of a module that joins.
func (m *module) Close() {
	m.Wipe()
	m.user.Wipe()
	m.hsm.Close()
}

// Wipe wipes the module's SO PIN. In a session the user PIN is the session's.
func (m *module) Wipe() { m.pin.Wipe() }
