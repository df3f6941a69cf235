package world

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/library"
	"byok/internal/quorum"
	"byok/internal/secondproc"
	"byok/internal/secret"
	"byok/internal/session"
)

// module is an HSM while it joins the world, or while its cards are replaced:
// what has to be put on its token, and what its statement will say.
type module struct {
	ui      session.UI
	hsm     *hsm.Module
	token   hsm.Token
	library library.Identity
	id      string
	guard   kmdata.Guard
	sealed  string // an SO PIN that could not be derived
	pin     *secret.Bytes
	user    *secret.Bytes
	form    hsm.Form
	kw      []byte // KW wrapped under KM
	leftOut []string
	rows    []kmdata.Finding
	kml     string
}

// newModuleID draws the 16 random bytes that name a module, in hex.
func newModuleID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // crypto/rand.Read never fails (Go 1.24)
	return hex.EncodeToString(id)
}

// weakPIN is the strength under which a derived PIN is said and recorded.
const weakPIN = 80

// derive derives the module's SO PIN from the world secret.
func (m *module) derive(s *quorum.Secret, set quorum.CardSet) (err error) {
	n := session.PINLength(m.token)
	if bits := quorum.PINBits(n); bits < weakPIN {
		m.ui.Warn(weakPINText(m.token, n, bits))
	}
	m.pin, err = s.PIN(set.Context().For(m.id), quorum.PurposeSOPIN, n)
	return err
}

// equip puts the keys of a card set on the token: as SO the user PIN, where
// setUserPIN says so, KM and, in the two-step form, KW; as user KML. Whatever
// an interrupted run left under the same labels goes first.
func (m *module) equip(set kmdata.Set, setUserPIN bool) error {
	on, err := m.hsm.Open(m.token)
	if err != nil {
		return err
	}
	defer on.Close()
	if err := on.Login(hsm.RoleSO, m.pin); err != nil {
		return err
	}
	if setUserPIN {
		if err := on.InitPIN(m.user); err != nil {
			return err
		}
	}
	if err := m.trust(on, set); err != nil {
		return err
	}
	if err := on.Logout(); err != nil {
		return err
	}
	if err := on.Login(hsm.RoleUser, m.user); err != nil {
		return err
	}
	if err := m.sign(on); err != nil {
		return err
	}
	return m.probe(on, set)
}

// trust makes the trusted keys of a card set, in an SO session.
func (m *module) trust(on *hsm.Session, set kmdata.Set) error {
	km, err := set.KM.ModuleKey()
	if err != nil {
		return err
	}
	labels := []string{kmdata.KMLabel(m.id, set.Cards.Number), kmdata.KWLabel(m.id, set.Cards.Number)}
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
	if m.form == hsm.TwoSteps {
		if _, m.kw, err = on.MakeKW(labels[1], object); err != nil {
			return err
		}
	}
	m.leftOut = on.LeftOut()
	return nil
}

// sign generates KML, or takes the one that is there: a module keeps its KML.
func (m *module) sign(on *hsm.Session) error {
	label := kmdata.KMLLabel(m.id)
	key, err := on.FindKey(label)
	if errors.Is(err, hsm.ErrNotFound) {
		key, err = on.GenerateKML(label)
	}
	if err != nil {
		return err
	}
	m.kml, err = keykind.MarshalPublicKey(key.Public)
	return err
}

// probe tries everything that the guard rests on.
func (m *module) probe(on *hsm.Session, set kmdata.Set) error {
	rows, err := session.ProveGuard(on, m.id, set, m.form)
	m.rows = append(m.rows, rows...)
	return err
}

// prove has a second process of the program try what it could do while this
// one is logged in.
func (m *module) prove() error {
	rows, err := secondproc.Prove(m.hsm, m.token, m.pin, m.user)
	if err != nil {
		return err
	}
	for _, r := range rows {
		m.rows = append(m.rows, kmdata.Finding{Name: r.Name, Outcome: string(r.Outcome), Detail: r.Detail})
	}
	if bad := failedRows(m.rows); len(bad) > 0 {
		return exitcode.Errorf(exitcode.HSM, "%v does not keep processes apart: %s", m.token, strings.Join(bad, "; ")).
			Hint("byok-offline module check --module-path %s shows every finding", m.hsm.Path)
	}
	return nil
}

// failedRows names the findings that keep a module from having a guard.
func failedRows(rows []kmdata.Finding) (bad []string) {
	for _, r := range rows {
		if r.Outcome != string(secondproc.Held) {
			bad = append(bad, r.Name+": "+r.Outcome)
		}
	}
	return bad
}

// statement is the module statement of what was done.
func (m *module) statement(set quorum.CardSet) *kmdata.Module {
	pin := kmdata.PIN{Characters: m.pin.Len(), Sealed: m.sealed}
	if m.sealed == "" {
		pin.Bits = quorum.PINBits(m.pin.Len())
	}
	return &kmdata.Module{
		Module: m.id, CardSet: set.Number, Guard: m.guard, Library: m.library, Token: session.TokenOf(m.token), SOPIN: pin,
		KML: m.kml, Form: string(m.form), KW: base64.StdEncoding.EncodeToString(m.kw),
		LeftOut: slices.Clone(m.leftOut), Findings: m.rows,
	}
}

// Wipe wipes the module's SO PIN. The user PIN belongs to the caller.
func (m *module) Wipe() { m.pin.Wipe() }
