package kmdata

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/quorum"
)

// Suites. Both make the same world: an EC P-256 signing key and RSA-3072
// module keys, 128-bit strength.
const (
	SuiteDefault = "DLf3072s256mRijndael"
	SuiteOld     = "DLf1024s160mRijndael"
)

// Guard names how the quorum guards export on a token.
type Guard string

// The guards, strongest first.
const (
	GuardTrust       Guard = "trust"         // only the SO trusts a wrapping key, and the cards hold the SO PIN
	GuardTrustShared Guard = "trust-shared"  // the same, on an adopted token whose SO PIN could not be changed
	GuardTrustByTool Guard = "trust-by-tool" // a crypto officer sets TRUSTED with the vendor's tool
	GuardLogin       Guard = "login"         // the cards hold the user PIN and whatever can reset it
	GuardLoginShared Guard = "login-shared"  // a PIN that a person typed and that cannot be changed
)

// Guards lists the guards, strongest first.
func Guards() []Guard {
	return []Guard{GuardTrust, GuardTrustShared, GuardTrustByTool, GuardLogin, GuardLoginShared}
}

func (g Guard) check() error {
	if !slices.Contains(Guards(), g) {
		return fmt.Errorf("field guard: %.20q is not one of %q", string(g), Guards())
	}
	return nil
}

// MaxLabel is the room for a token's label in bytes (CK_TOKEN_INFO, PKCS#11
// v2.40, section 3.2).
const MaxLabel = 32

// World is the world file, local/world, statement number 1. It never changes.
type World struct {
	Header
	Label string         `json:"label"`
	Suite string         `json:"cipher_suite"`
	Guard Guard          `json:"guard"` // the least that any of its modules may have
	Cards quorum.CardSet `json:"cards"`
	KNSO  SealedKey      `json:"knso"`
	KM    SealedKey      `json:"km"`
	Own   OwnPassphrases `json:"own_passphrases,omitzero"`
}

// OwnPassphrases lists the cards, by their indexes in rising order, whose
// holders chose a passphrase instead of taking the one that was drawn.
type OwnPassphrases []int

func (o OwnPassphrases) check(n int) error {
	for i, index := range o {
		if index < 1 || index > n || i > 0 && index <= o[i-1] {
			return fmt.Errorf("field own_passphrases: cards of 1 to %d are expected, in rising order", n)
		}
	}
	if o != nil && len(o) == 0 {
		return errors.New("field own_passphrases: it is left out where there are none")
	}
	return nil
}

// SealedKey is a key pair of a card set: the public half in PEM, and the
// private half as PKCS#8, wrapped as in RFC 5649 under a key derived from the
// world secret, base64.
type SealedKey struct {
	PublicKey string `json:"public_key"`
	Sealed    string `json:"sealed"`
}

func (w *World) check() error {
	if err := CheckLabel(w.Label); err != nil {
		return fmt.Errorf("field label: %w", err)
	}
	if w.Suite != SuiteDefault && w.Suite != SuiteOld {
		return fmt.Errorf("field cipher_suite: %s or %s is expected", SuiteDefault, SuiteOld)
	}
	if err := w.Guard.check(); err != nil {
		return err
	}
	if w.HKNSO != w.Cards.HKNSO {
		return errors.New("field hknso is not that of the card set")
	}
	if err := w.Own.check(w.Cards.Quorum.N); err != nil {
		return err
	}
	if err := checkSet(w.Cards, w.KNSO, w.KM, w.Rehearsal); err != nil {
		return err
	}
	if len(w.Present) != w.Cards.Quorum.N {
		return errors.New("field present: every card of a new world is expected")
	}
	return checkQuorum(w.Cards, w.Present)
}

// checkSet holds the keys of a card set to the set.
func checkSet(set quorum.CardSet, knso, km SealedKey, rehearsal bool) error {
	if err := set.Check(); err != nil {
		return err
	}
	if set.Rehearsal != rehearsal {
		return errors.New("field cards.rehearsal is not that of the statement")
	}
	signer, err := knso.Signer()
	if err != nil {
		return fmt.Errorf("field knso.public_key: %w", err)
	}
	sum, err := keykind.SPKIHash(signer)
	if err != nil {
		return fmt.Errorf("field knso.public_key: %w", err)
	}
	if sum != set.HKNSO {
		return errors.New("field cards.hknso is not the SHA-256 of knso.public_key")
	}
	if _, err := km.ModuleKey(); err != nil {
		return fmt.Errorf("field km.public_key: %w", err)
	}
	if knso.Sealed == "" || km.Sealed == "" {
		return errors.New("a sealed private half is missing")
	}
	return nil
}

// Signer returns the public half as KNSO's: EC P-256.
func (k SealedKey) Signer() (*ecdsa.PublicKey, error) { return signingKey(k.PublicKey) }

// signingKey reads an EC P-256 public key in PEM.
func signingKey(pem string) (*ecdsa.PublicKey, error) {
	public, err := keykind.ParsePublicKey(pem)
	if err != nil {
		return nil, err
	}
	ec, ok := public.(*ecdsa.PublicKey)
	if !ok || ec.Curve != elliptic.P256() {
		return nil, errors.New("an EC P-256 key is expected")
	}
	return ec, nil
}

// ModuleKey returns the public half as KM's: RSA-3072 with exponent 65537.
func (k SealedKey) ModuleKey() (*rsa.PublicKey, error) {
	public, err := keykind.ParsePublicKey(k.PublicKey)
	if err != nil {
		return nil, err
	}
	km, ok := public.(*rsa.PublicKey)
	if !ok || km.N.BitLen() != KMBits || km.E != 65537 {
		return nil, fmt.Errorf("RSA-%d with exponent 65537 is expected", KMBits)
	}
	return km, nil
}

// KMBits is the size of the module key's modulus.
const KMBits = 3072

// CheckLabel keeps a token label within 32 bytes of printable text.
func CheckLabel(label string) error {
	if label == "" || len(label) > MaxLabel || !utf8.ValidString(label) {
		return exitcode.Errorf(exitcode.Usage, "label %.80q: 1 to %d bytes of text are expected", label, MaxLabel)
	}
	for _, r := range label {
		if !unicode.IsPrint(r) {
			return exitcode.Errorf(exitcode.Usage, "label %.80q: only printable characters are allowed", label)
		}
	}
	return nil
}

// Cards is a later card set. The KNSO that it ends signs it, and its own.
type Cards struct {
	Header
	Cards quorum.CardSet `json:"cards"`
	KNSO  SealedKey      `json:"knso"`
	KM    SealedKey      `json:"km"`
	Own   OwnPassphrases `json:"own_passphrases,omitzero"`
	// PINs are the PINs that the modules have at this moment, sealed under
	// the new world secret, so that the new cards can finish the replacement
	// on each.
	PINs []SealedPIN `json:"pins"`
}

// SealedPIN is a PIN of a module, sealed under the world secret: base64 of
// RFC 5649.
type SealedPIN struct {
	Module string `json:"module"`
	Sealed string `json:"sealed"`
}

func (c *Cards) check() error {
	if err := c.Own.check(c.Cards.Quorum.N); err != nil {
		return err
	}
	for i, p := range c.PINs {
		if err := checkModuleID(p.Module); err != nil {
			return fmt.Errorf("field pins: %w", err)
		}
		if slices.ContainsFunc(c.PINs[:i], func(o SealedPIN) bool { return o.Module == p.Module }) {
			return fmt.Errorf("field pins: the module %s appears twice", p.Module)
		}
	}
	return checkSet(c.Cards, c.KNSO, c.KM, c.Rehearsal)
}

// NewHKNSO names the KNSO that the statement brings into force.
func (c *Cards) NewHKNSO() fingerprint.Sum { return c.Cards.HKNSO }
