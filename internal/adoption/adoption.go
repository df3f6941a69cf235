// Package adoption lists what a token holds beside the world's own objects when it
// joins. What it must not hold is package vacant's.
package adoption

import (
	"byok/internal/hsm"
	"byok/internal/session"
)

// Others lists the certificates and vendor objects of the token, as a
// module's statement names them.
func Others(on *hsm.Session) (others []string, err error) {
	items, err := on.Inventory()
	for _, item := range items {
		if !item.Class.HoldsSecrets() {
			others = append(others, session.DescribeItem(item))
		}
	}
	return others, err
}
