package kmdata

import (
	"fmt"

	"byok/internal/fingerprint"
)

// PossessionText is what a customer's key signs, and nothing else: a fixed
// first line, the purpose, and 64 hex digits of a SHA-256.
func PossessionText(purpose string, sum fingerprint.Sum) []byte {
	return fmt.Appendf(nil, "byok proof of possession v1\n%s\n%s\n", purpose, sum)
}

// Purposes of a proof of possession.
const (
	PurposeTransfer  = "transfer authorization" // the sum is the authorization's
	PurposeChallenge = "challenge"              // the sum is the challenge file's
)
