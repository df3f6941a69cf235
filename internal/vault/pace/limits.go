package pace

import (
	"time"

	"byok/internal/kek"
)

// Limit is how many HSM keys a service lets be made in ten seconds. Where a
// limit on imports is not stated, that on creations is taken for both.
type Limit struct {
	Vault        float64 // in one vault, or one Managed HSM
	Subscription float64 // in all vaults of a subscription in one region; 0 for no such limit
}

// PerVault is the limit of a vault: ten HSM keys in ten seconds. A Managed HSM
// takes one a second, which is the same.
const PerVault = 10

// shared is how many vaults' worth of requests a subscription may make.
const shared = 5

// limits are the documented ones, by service.
//
//   - Azure Key Vault service limits, "Key transactions": CREATE key, HSM key, 10
//     in ten seconds per vault per region; and "a subscription-wide limit for all
//     transaction types is five times per key vault limit".
//   - Managed HSM service limits: create key, 1 a second per HSM instance. Its
//     subscription has no such limit.
func limits() map[string]Limit {
	return map[string]Limit{
		kek.ServiceVault:      {Vault: PerVault, Subscription: shared * PerVault},
		kek.ServiceManagedHSM: {Vault: PerVault},
	}
}

// Documented is the limit of a service, as [kek.ServiceVault] and
// [kek.ServiceManagedHSM] name them; that of a vault where the service is not
// known.
func Documented(service string) Limit {
	if l, known := limits()[service]; known {
		return l
	}
	return limits()[kek.ServiceVault]
}

// Scaled is the limit for another number of keys in ten seconds in a vault; 0 for
// no limit at all.
func (l Limit) Scaled(perVault float64) Limit {
	return Limit{Vault: perVault, Subscription: l.Subscription / l.Vault * perVault}
}

// Takes is how long n keys take at so many keys in ten seconds, when the first
// goes at once; 0 without a limit.
func Takes(n int, perTenSeconds float64) time.Duration {
	if perTenSeconds <= 0 || n < 2 {
		return 0
	}
	return time.Duration(float64(n-1) / perSecond(perTenSeconds) * float64(time.Second))
}

// Within is how many keys go in d at so many keys in ten seconds: the most for
// which [Takes] is not longer.
func Within(d time.Duration, perTenSeconds float64) int {
	return int(d.Seconds()*perSecond(perTenSeconds)+1e-6) + 1
}
