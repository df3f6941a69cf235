package statement

import (
	"fmt"
	"slices"
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

// Truster is who makes the keys that wrap trusted.
type Truster string

// The trusters.
const (
	TrustedBySO     Truster = "the SO"
	TrustedByTool   Truster = "a crypto officer, with the vendor's tool"
	TrustedByNobody Truster = "no one: the keys that wrap are session objects of the quorum's"
)

// Traits are what differs from guard to guard. Ask them, and not which guard
// it is.
type Traits struct {
	Trusted Truster
	SOPIN   bool // the cards hold the SO PIN
	UserPIN bool // the cards hold a user PIN: see Alone
	Anchor  bool // the token anchors the chain; without it the paper does
	ByKM    bool // a key goes to a vault by way of KM; otherwise under the KEK itself
	// Rights: logins have rights of their own. The user PIN that the cards hold is
	// the quorum's; the operator has another one, with which nothing is exported.
	Rights bool
}

// Alone reports whether the cards hold the only user PIN: without them no one
// logs in.
func (t Traits) Alone() bool { return t.UserPIN && !t.Rights }

// traits is the table of guards.
var traits = map[Guard]Traits{
	GuardTrust:       {Trusted: TrustedBySO, SOPIN: true, Anchor: true},
	GuardTrustShared: {Trusted: TrustedBySO, SOPIN: true, Anchor: true},
	GuardTrustByTool: {Trusted: TrustedByTool, ByKM: true},
	GuardLogin:       {Trusted: TrustedByNobody, SOPIN: true, UserPIN: true},
	GuardLoginShared: {Trusted: TrustedByNobody, UserPIN: true},
}

// Traits returns the guard's row of the table. A guard that is not in it has
// none of them. Those of a module are [Module.Traits].
func (g Guard) Traits() Traits { return traits[g] }

// ParseGuard reads a guard as a person types it; "" stays that.
func ParseGuard(text string) (Guard, error) {
	if g := Guard(text); g == "" || slices.Contains(Guards(), g) {
		return g, nil
	}
	return "", fmt.Errorf("guard %.20q is not one of %q", text, Guards())
}

// WithRights are the traits of guard login on a module whose logins have rights
// of their own, where no one is SO.
func WithRights() Traits {
	return Traits{Trusted: TrustedByNobody, UserPIN: true, ByKM: true, Rights: true}
}

func (g Guard) check() error {
	if !slices.Contains(Guards(), g) {
		return fmt.Errorf("field guard: %.20q is not one of %q", string(g), Guards())
	}
	return nil
}

// Weaker reports whether g comes after the guard o in the list.
func (g Guard) Weaker(o Guard) bool { return slices.Index(Guards(), g) > slices.Index(Guards(), o) }

// TrustRoute is how TRUSTED came to the keys that wrap on a module.
type TrustRoute string

// The routes, in the order in which they are tried.
const (
	TrustAtCreation TrustRoute = "at creation"          // the SO makes them trusted
	TrustAfterwards TrustRoute = "afterwards"           // the SO sets TRUSTED on what is made
	TrustByTool     TrustRoute = "by the vendor's tool" // a crypto officer sets TRUSTED on KM
)

func (r TrustRoute) check() error {
	known := []TrustRoute{"", TrustAtCreation, TrustAfterwards, TrustByTool}
	if !slices.Contains(known, r) {
		return fmt.Errorf("field trust_route: %.30q is not one of %q", string(r), known[1:])
	}
	return nil
}
