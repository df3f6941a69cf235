package keykind

import (
	"fmt"

	"byok/internal/fingerprint"
)

// PossessionText is the one text that a customer's key signs to prove
// possession: a heading, the purpose, and sum in 64 hex digits, each on a line
// of its own. What the sum is of depends on the purpose, one printable line.
func PossessionText(purpose string, sum fingerprint.Sum) []byte {
	return fmt.Appendf(nil, "byok proof of possession v1\n%s\n%s\n", purpose, sum)
}

// The purposes of a proof of possession, as its second line holds them.
const (
	PurposeTransfer  = "transfer authorization" // the sum is that of the authorization
	PurposeChallenge = "challenge"              // the sum is that of a challenge file
)
