package statement

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"slices"

	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/keywrap"
	"byok/internal/library"
	"byok/internal/printable"
)

// Module is the statement about one HSM of the world; the newest of a module
// id counts.
type Module struct {
	Header
	Module string `json:"module"` // 16 random bytes, 32 lower-case hex digits
	// StruckOff ends a module that will not come back: the reason.
	StruckOff string `json:"struck_off,omitzero"`
	CardSet   int    `json:"card_set"` // whose KM and PIN the module has
	Guard     Guard  `json:"guard"`
	// RightsPerLogin: of two logins with user PINs the operator's exports nothing,
	// and the cards hold the quorum's. Guard login alone.
	RightsPerLogin bool `json:"rights_per_login,omitzero"`
	// Trust is how TRUSTED came to the module's keys. Statements of programs
	// that knew one route alone, at creation, lack it.
	Trust    TrustRoute       `json:"trust_route,omitzero"`
	Library  library.Identity `json:"library"`
	Token    Token            `json:"token"`
	SOPIN    PIN              `json:"so_pin"`
	UserPIN  PIN              `json:"user_pin,omitzero"` // where the cards hold it
	KML      string           `json:"kml"`               // public key, PEM
	Form     keywrap.Form     `json:"form"`
	KW       string           `json:"kw,omitzero"` // two-step form: KW wrapped under KM with RSA-OAEP, base64
	LeftOut  []string         `json:"left_out"`    // attributes that the module does not accept
	Findings []Finding        `json:"findings"`    // what the probes found
	// VendorQuorum is a quorum of the vendor's own beside the guard, as somebody
	// stated it by name. It is not proved.
	VendorQuorum string `json:"vendor_quorum,omitzero"`
	// Others are the certificates and vendor objects that the token held when it
	// joined, such as `certificate "root"`.
	Others []string `json:"other_objects,omitzero"`
}

// Token identifies the token. Serial is binding; Label takes its place where
// the token has no serial.
type Token struct {
	Manufacturer string `json:"manufacturer"`
	Model        string `json:"model"`
	Serial       string `json:"serial"`
	Label        string `json:"label"`
	Firmware     string `json:"firmware"` // recorded; a change is shown
}

// Same reports whether both are the same device. Firmware may change.
func (t Token) Same(o Token) bool {
	if t.Manufacturer != o.Manufacturer || t.Model != o.Model || t.Serial != o.Serial {
		return false
	}
	return t.Serial != "" || t.Label == o.Label
}

// String names the token for people.
func (t Token) String() string {
	if t.Serial == "" {
		return fmt.Sprintf("%s %s, label %q, without a serial", t.Manufacturer, t.Model, t.Label)
	}
	return fmt.Sprintf("%s %s, serial %s", t.Manufacturer, t.Model, t.Serial)
}

// PIN says how the quorum's PIN of a module comes from the cards.
type PIN struct {
	Characters int    `json:"characters"`      // length
	Bits       int    `json:"bits"`            // strength; 0 for a PIN that a person chose
	Sealed     string `json:"sealed,omitzero"` // a PIN that could not be derived, sealed under the world secret
}

// Finding is what a probe found.
type Finding struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"` // held, failed, not answered
	Detail  string `json:"detail,omitzero"`
}

// FindingRestart is the name of the finding about C_Initialize after C_Finalize.
const FindingRestart = "the library can be initialised again in one process"

// InitialisedOnce reports whether the library was found to refuse C_Initialize
// after C_Finalize. Statements of programs that did not try it say nothing.
func (m *Module) InitialisedOnce() bool {
	failed := func(f Finding) bool { return f.Name == FindingRestart && f.Outcome == "failed" }
	return slices.ContainsFunc(m.Findings, failed)
}

func (m *Module) check() error {
	if err := CheckModuleID(m.Module); err != nil {
		return err
	}
	if m.StruckOff != "" {
		return m.checkStruckOff()
	}
	if err := m.Guard.check(); err != nil {
		return err
	}
	if err := m.Trust.check(); err != nil {
		return err
	}
	if m.RightsPerLogin && (m.Guard != GuardLogin || m.Form != keywrap.OneCall) {
		return fmt.Errorf("field rights_per_login: only with guard %s and form %s", GuardLogin, keywrap.OneCall)
	}
	if m.VendorQuorum != "" {
		if err := printable.Check(m.VendorQuorum, maxText); err != nil {
			return fmt.Errorf("field vendor_quorum: %w", err)
		}
	}
	if _, err := m.Signer(); err != nil {
		return fmt.Errorf("field kml: %w", err)
	}
	return m.checkForm()
}

func (m *Module) checkStruckOff() error {
	if err := printable.Check(m.StruckOff, maxText); err != nil {
		return fmt.Errorf("field struck_off: %w", err)
	}
	if m.KML != "" || m.KW != "" {
		return errors.New("field kml: a module that was struck off has none")
	}
	return nil
}

func (m *Module) checkForm() error {
	switch {
	case !slices.Contains([]keywrap.Form{keywrap.OneCall, keywrap.TwoSteps}, m.Form):
		return fmt.Errorf("field form: expected %s or %s", keywrap.OneCall, keywrap.TwoSteps)
	case (m.Form == keywrap.TwoSteps && m.Traits().Trusted != TrustedByNobody) != (m.KW != ""):
		return errors.New("field kw: required in the two-step form, unless nothing is trusted, and only there")
	case m.CardSet < 1:
		return errors.New("field card_set: expected at least 1")
	case m.Library.SHA256.IsZero():
		return errors.New("field library.sha256 is missing")
	case m.Token.Serial == "" && m.Token.Label == "":
		return errors.New("field token: expected a serial or a label")
	}
	return nil
}

// Traits are those of the module's guard: without the SO PIN where it is [Module.Lone].
func (m *Module) Traits() Traits {
	if m.RightsPerLogin {
		return WithRights()
	}
	t := m.Guard.Traits()
	t.SOPIN = t.SOPIN && !m.Lone()
	return t
}

// Lone reports whether the token has no SO role, so that no one resets its user PIN,
// which the cards hold.
func (m *Module) Lone() bool { return !m.RightsPerLogin && m.Guard.Traits().SOPIN && m.SOPIN == PIN{} }

// GuardText names the guard for people.
func (m *Module) GuardText() string {
	if m.RightsPerLogin {
		return string(m.Guard) + ", with rights per login"
	}
	return string(m.Guard)
}

// Signer returns KML's public half.
func (m *Module) Signer() (*ecdsa.PublicKey, error) { return signingKey(m.KML) }

// KMLHash is the SHA-256 of KML's SubjectPublicKeyInfo.
func (m *Module) KMLHash() (fingerprint.Sum, error) {
	signer, err := m.Signer()
	if err != nil {
		return fingerprint.Sum{}, err
	}
	return keykind.SPKIHash(signer)
}
