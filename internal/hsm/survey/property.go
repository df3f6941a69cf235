// Package survey tries on a module what a ceremony does, and says of each
// property how it turned out: it is what module check shows before a world is
// created.
//
// Use [ThrowAway] on a module with a free slot, [OnToken] where a token was
// initialised with the vendor's tool, then [Guards] and [Conclude] for the answer.
// Nothing is believed here that package hsm does not prove.
package survey

import "slices"

// Outcome is how a property turned out.
type Outcome string

// The outcomes. A restriction is enforced if every attempt to undo it was
// refused and the same attempt without it succeeds; an operation that the
// ceremony needs is enforced if it was done as it should be.
const (
	Enforced    Outcome = "enforced"
	NotEnforced Outcome = "not enforced" // a restriction could be undone
	Refused     Outcome = "refused"      // the module refuses what the ceremony needs
	NotAnswered Outcome = "not answered" // an attempt failed for another reason than the restriction
	NotTried    Outcome = "not tried"
	NotKnown    Outcome = "not known" // the module offers what no probe knows
)

// Property is one thing that the ceremony needs of a module, as tried.
type Property struct {
	Name     string  `json:"name"`
	Outcome  Outcome `json:"outcome"`
	Detail   string  `json:"detail"`
	Optional bool    `json:"optional"` // guard trust does without it
}

// Names of the properties.
const (
	PropMechanisms  = "mechanisms offered"
	PropInitToken   = "C_InitToken and C_InitPIN by API"
	PropTrustedBySO = "TRUSTED set by the SO"
	PropSession     = "trusted session objects"
	PropTrustedOnly = "TRUSTED refused to the user"
	PropFrozen      = "trusted keys frozen"
	PropCopied      = "trusted keys copied with no use"
	PropWrapTrusted = "WRAP_WITH_TRUSTED"
	PropLater       = "WRAP_WITH_TRUSTED from birth alone"
	PropDerive      = "C_DeriveKey reveals no key"
	PropOtherDerive = "other mechanisms to derive"
	PropOtherWrap   = "other mechanisms to wrap"
	PropOneWay      = "one-way attributes"
	PropKeyWrap     = "AES key wrap (RFC 5649)"
	PropOAEP        = "RSA-OAEP with SHA-1 really used"
	PropForVault    = "key wrapped for a KEK"
	PropRestore     = "backup restored"
	PropLoginVault  = "key wrapped for an untrusted KEK"
	PropLoginBack   = "backup under an untrusted KM"
	PropCopy        = "reduced copy frozen"
	PropOneCall     = "CKM_RSA_AES_KEY_WRAP"
	PropLockout     = "SO PIN locks after wrong tries"
	PropRights      = "rights per login"
)

// untried lists the properties in the order in which they are shown, each with
// what it takes to try it.
func untried() []Property {
	const (
		token   = "needs an initialised token"
		trusted = "needs trusted keys"
		empty   = "on a throw-away token only"
		two     = token + " with two logins: --pin-file with the operator's PIN, --quorum-pin-file with the quorum's"
		lock    = empty + ", when everything else is enforced, and not where PINs are typed on the device"
	)
	return []Property{
		{PropMechanisms, NotTried, "", false},
		{PropInitToken, NotTried, empty, false},
		{PropTrustedBySO, NotTried, token + " and its SO PIN", false},
		{PropSession, NotTried, trusted, false},
		{PropTrustedOnly, NotTried, token, false},
		{PropFrozen, NotTried, trusted, false},
		{PropCopied, NotTried, trusted, false},
		{PropWrapTrusted, NotTried, token, false},
		{PropLater, NotTried, token, true},
		{PropDerive, NotTried, token, false},
		{PropOneWay, NotTried, token, false},
		{PropKeyWrap, NotTried, token, false},
		{PropOAEP, NotTried, token, false},
		{PropForVault, NotTried, trusted, false},
		{PropRestore, NotTried, trusted, false},
		{PropLoginVault, NotTried, token, true},
		{PropLoginBack, NotTried, token, true},
		{PropCopy, NotTried, token, true},
		{PropOneCall, NotTried, token, true},
		{PropOtherDerive, NotTried, token, true},
		{PropOtherWrap, NotTried, token, true},
		{PropLockout, NotTried, lock, true},
		{PropRights, NotTried, two, true},
	}
}

func index(properties []Property, name string) int {
	return slices.IndexFunc(properties, func(p Property) bool { return p.Name == name })
}
