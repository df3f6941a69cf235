// Package vacant judges a token that a new world takes as it is: by what it
// holds before a card is dealt, and again when the token has been taken. It
// judges a list of objects, and nothing but the list: a role that does not see
// an object does not report it, so take the lists of SO and user both.
package vacant

import (
	"strings"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/session"
	"byok/internal/statement"
)

// Check refuses a token that holds anything that a new world did not make: a
// trusted key of somebody's would wrap every key of the world, and a secret may
// be known. Allowed are what an interrupted run of the same creation left under
// its module's ID, which is made again, and certificates and vendor objects that
// are not trusted, which the module's statement lists. The error names every
// other object and has status 6.
func Check(token hsm.Token, items []hsm.Item, module string) error {
	var foreign []string
	for _, item := range items {
		if !own(item, module) && (item.Trusted || item.Class.HoldsSecrets()) {
			foreign = append(foreign, session.DescribeItem(item))
		}
	}
	if len(foreign) == 0 {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "%v is not empty: %s", token, strings.Join(foreign, "; ")).
		Hint("remove these objects with the vendor's tool, or use --initialize to destroy everything on the token")
}

// own reports whether an object is what an interrupted run of the creation of
// the module left: KM is one a card set.
func own(item hsm.Item, module string) bool {
	kmOfAnySet := strings.TrimSuffix(statement.KMLabel(module, 1), "1")
	return item.Label == statement.KWLabel(module, 1) || item.Label == statement.KMLLabel(module) ||
		strings.HasPrefix(item.Label, kmOfAnySet)
}
