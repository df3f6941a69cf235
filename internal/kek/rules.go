package kek

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"byok/internal/keykind"
	"byok/internal/stamp"
)

// The names of the rules that every key exchange key must meet, in the order
// of their findings. [Rules] says what each is.
const (
	RuleVersion  = "KEK-VERSION"
	RuleVault    = "KEK-VAULT"
	RuleLoopback = "KEK-LOOPBACK"
	RuleType     = "KEK-TYPE"
	RuleExponent = "KEK-EXPONENT"
	RuleOps      = "KEK-OPS"
	RuleEnabled  = "KEK-ENABLED"
	RuleExpiry   = "KEK-EXPIRY"
)

// Exponent is the one public exponent of a KEK. With a small one, a raw RSA
// operation of the HSM would expose what is wrapped.
const Exponent = 65537

// OpImport is the one key operation of a KEK: with any other, whoever may use
// the vault could open what was wrapped for it.
const OpImport = "import"

// Candidate is a key that is to be a KEK, as a vault or a package describes it.
type Candidate struct {
	ID          ID     // as the vault says; its version may be missing
	Vault       string // the vault that the key must be in, as [ParseVault] returns it
	Mark        Mark
	KTY         string           // RSA-HSM; a test vault may say RSA
	HSMPlatform string           // the service's claim; "0" is software
	Public      crypto.PublicKey // nil if it could not be read
	KeyOps      []string
	Enabled     bool
	NotBefore   time.Time // zero without one
	Expires     time.Time // zero without one
}

// Rule is a rule of the table.
type Rule struct {
	Name    string
	Meaning string // one sentence, for documents
}

var table = []struct {
	Rule
	apply func(Candidate, time.Time) (detail string, err error)
}{
	{Rule{RuleVersion, "The KEK's identifier has a version."}, Candidate.version},
	{
		Rule{RuleVault, "The KEK is in the vault that was asked for, or that the SecurityWorld package names."},
		Candidate.vault,
	},
	{Rule{RuleLoopback, "A rehearsal's KEK is on this computer, and production's is not."}, Candidate.loopback},
	{Rule{RuleType, "The KEK is an RSA-HSM key of 2048, 3072 or 4096 bits."}, Candidate.kind},
	{Rule{RuleExponent, "The KEK's public exponent is 65537."}, Candidate.exponent},
	{Rule{RuleOps, "The vault lists import as the KEK's one operation."}, Candidate.ops},
	{Rule{RuleEnabled, "The KEK is enabled and already valid."}, Candidate.enabled},
	{Rule{RuleExpiry, "The KEK has not expired."}, Candidate.expiry},
}

// Rules returns the rules of every KEK in the order of their findings. Those
// of an attestation are in package attest.
func Rules() []Rule {
	rules := make([]Rule, len(table))
	for i, row := range table {
		rules[i] = row.Rule
	}
	return rules
}

// Check applies every rule and returns its finding. now is what dates are held
// against.
func (c Candidate) Check(now time.Time) []Finding {
	steps := make([]Step, len(table))
	for i, row := range table {
		steps[i] = Step{row.Name, func() (string, error) { return row.apply(c, now) }}
	}
	return Follow(steps)
}

func (c Candidate) version(time.Time) (string, error) {
	if c.ID.Version == "" {
		return "", errors.New("the identifier has no version: it could be another key tomorrow")
	}
	return c.ID.Version, nil
}

func (c Candidate) vault(time.Time) (string, error) {
	if c.ID.Vault != c.Vault {
		return "", fmt.Errorf("the KEK is in %s, not in %s", c.ID.Vault, c.Vault)
	}
	return c.Vault, nil
}

func (c Candidate) loopback(time.Time) (string, error) {
	here := IsLoopback(HostOf(c.ID.Vault))
	switch {
	case here && c.Mark == Production:
		return "", fmt.Errorf("%s is this computer, which keeps no production KEK", c.ID.Vault)
	case !here && c.Mark != Production:
		return "", fmt.Errorf("the KEK of a %s must be on this computer, but is in %s", c.Mark, c.ID.Vault)
	case here:
		return "this computer", nil
	}
	return "not this computer", nil
}

func (c Candidate) kind(time.Time) (string, error) {
	test := c.Mark == Test
	switch {
	case c.KTY != keykind.RSAHSM && !(test && c.KTY == string(keykind.RSA)):
		return "", fmt.Errorf("the key's type is %q; %s is required", c.KTY, keykind.RSAHSM)
	case c.HSMPlatform == "0" && !test:
		return "", errors.New("the vault keeps the key in software, not in an HSM")
	}
	kind, err := keykind.Of(c.Public)
	switch {
	case err != nil:
		return "", err
	case kind.Type != keykind.RSA:
		return "", fmt.Errorf("the public key is of %s, not RSA", kind)
	}
	return kind.String(), nil
}

func (c Candidate) exponent(time.Time) (string, error) {
	key, ok := c.Public.(*rsa.PublicKey)
	switch {
	case !ok || key == nil:
		return "", errors.New("not checked: the key is not an RSA key")
	case key.E != Exponent:
		return "", fmt.Errorf("the public exponent is %d; %d is required", key.E, Exponent)
	}
	return fmt.Sprint(Exponent), nil
}

func (c Candidate) ops(time.Time) (string, error) {
	if !slices.Equal(c.KeyOps, []string{OpImport}) {
		return "", fmt.Errorf("the key's operations are %q; import alone is required", strings.Join(c.KeyOps, ", "))
	}
	return OpImport, nil
}

func (c Candidate) enabled(now time.Time) (string, error) {
	switch {
	case !c.Enabled:
		return "", errors.New("the key is disabled")
	case now.Before(c.NotBefore):
		return "", fmt.Errorf("the key is not valid before %s, and now is %s", stamp.Text(c.NotBefore),
			stamp.Text(now))
	}
	return "enabled", nil
}

func (c Candidate) expiry(now time.Time) (string, error) {
	switch {
	case c.Expires.IsZero():
		return "never expires", nil
	case !now.Before(c.Expires):
		return "", fmt.Errorf("the key expired at %s, and now is %s", stamp.Text(c.Expires), stamp.Text(now))
	}
	return "until " + stamp.Text(c.Expires), nil
}
