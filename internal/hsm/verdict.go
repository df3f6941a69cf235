package hsm

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"byok/internal/exitcode"
)

// Standing is how a property of a module turned out.
type Standing string

// The standings. What the module has and keeps to is Enforced.
const (
	Enforced    Standing = "enforced"
	NotEnforced Standing = "not enforced"
	Missing     Standing = "missing"
	NotTried    Standing = "not tried"
)

// Property is one thing that the ceremony needs of a module, as tried.
type Property struct {
	Name     string   `json:"name"`
	Standing Standing `json:"standing"`
	Detail   string   `json:"detail"`
	Optional bool     `json:"optional"` // the ceremony has another way without it
}

// Names of the properties.
const (
	PropMechanisms  = "mechanisms offered"
	PropInitToken   = "C_InitToken and C_InitPIN by API"
	PropTrustedBySO = "TRUSTED set by the SO"
	PropTrustedOnly = "TRUSTED refused to the user"
	PropFrozen      = "trusted keys frozen"
	PropWrapTrusted = "WRAP_WITH_TRUSTED"
	PropOneWay      = "one-way attributes"
	PropCopy        = "reduced copy frozen"
	PropKeyWrap     = "AES key wrap (RFC 5649)"
	PropOAEP        = "RSA-OAEP with SHA-1 really used"
	PropForVault    = "key wrapped for a KEK"
	PropOneCall     = "CKM_RSA_AES_KEY_WRAP"
	PropLockout     = "SO PIN locks after wrong tries"
)

// untried lists the properties in the order in which they are told, each with
// what it takes to try it.
func untried() []Property {
	const token, trusted = "needs an initialised token", "needs trusted keys"
	return []Property{
		{PropMechanisms, NotTried, "", false},
		{PropInitToken, NotTried, "on a throw-away token only", false},
		{PropTrustedBySO, NotTried, token + " and its SO PIN", false},
		{PropTrustedOnly, NotTried, token, false},
		{PropFrozen, NotTried, trusted, false},
		{PropWrapTrusted, NotTried, token, false},
		{PropOneWay, NotTried, token, false},
		{PropCopy, NotTried, token, false},
		{PropKeyWrap, NotTried, token, false},
		{PropOAEP, NotTried, token, false},
		{PropForVault, NotTried, trusted, false},
		{PropOneCall, NotTried, token, true},
		{PropLockout, NotTried, "on a throw-away token only, and when nothing else is wanting", true},
	}
}

// note records how a property turned out: good is the detail if nothing is wanting.
func (s *survey) note(name, good string, err error) {
	i := slices.IndexFunc(s.properties, func(p Property) bool { return p.Name == name })
	p := &s.properties[i]
	switch {
	case gone(err):
		s.lost = cmp.Or(s.lost, err)
	case errors.Is(err, ErrNotEnforced):
		p.Standing, p.Detail = NotEnforced, s.reasons(err)
	case err != nil:
		p.Standing, p.Detail = Missing, s.reasons(err)
	default:
		p.Standing, p.Detail = Enforced, good
	}
}

// reasons puts an error into one line without the token's name, which heads
// the table, and without what the standing says already.
func (s *survey) reasons(err error) string {
	lines := strings.Split(err.Error(), "\n") // joined errors
	for i := range lines {
		lines[i] = strings.TrimPrefix(strings.TrimPrefix(lines[i], s.token.String()+" "), ErrNotEnforced.Error()+": ")
	}
	return strings.Join(lines, "; ")
}

// Verdict on a module.
type Verdict string

// A module is Full when everything that was tried held, Weaker when only the
// reduced copy is wanting, and Unusable otherwise.
const (
	Full     Verdict = "full"
	Weaker   Verdict = "weaker"
	Unusable Verdict = "unusable"
)

// Judge turns properties into a verdict and the words for it.
func Judge(properties []Property) (Verdict, string) {
	names := map[Standing][]string{}
	for _, p := range properties {
		if !p.Optional {
			names[p.Standing] = append(names[p.Standing], p.Name)
		}
	}
	wanting := slices.Concat(names[NotEnforced], names[Missing])
	switch {
	case len(wanting) == 0 && len(names[NotTried]) == 0:
		return Full, "everything that the ceremony needs was tried and held"
	case len(wanting) == 0:
		return Full, "everything that was tried held; not tried: " + strings.Join(names[NotTried], ", ")
	case !slices.ContainsFunc(wanting, func(name string) bool { return name != PropCopy && name != PropForVault }) && slices.Contains(wanting, PropCopy):
		return Weaker, "it would need a flag to transfer keys without a reduced copy, which this release has not: " +
			"whoever holds the user PIN could use a key while it waits to be transferred"
	}
	var why []string
	for _, standing := range []Standing{NotEnforced, Missing} {
		if list := names[standing]; len(list) > 0 {
			why = append(why, string(standing)+": "+strings.Join(list, ", "))
		}
	}
	return Unusable, strings.Join(why, "; ")
}

// Refuse is the error of a module that the ceremony cannot use, or nil.
func (v Verdict) Refuse(why string) error {
	if v == Full {
		return nil
	}
	return exitcode.Errorf(exitcode.HSM, "this module is %s: %s", v, why)
}
