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
	TrustAtCreation TrustRoute = "at creation" // the SO makes them trusted
	TrustAfterwards TrustRoute = "afterwards"  // the SO sets TRUSTED on what is made
)

func (r TrustRoute) check() error {
	known := []TrustRoute{"", TrustAtCreation, TrustAfterwards}
	if !slices.Contains(known, r) {
		return fmt.Errorf("field trust_route: %.30q is not one of %q", string(r), known[1:])
	}
	return nil
}
