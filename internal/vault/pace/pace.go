// Package pace spreads the keys that are made or imported over time, so that
// uploads stay below the service's limits, which it lists: [Documented]. It
// never waits itself: [Pace.Next] says for how long to.
//
// Give each vault a [Pace] of its own, and all vaults of a subscription one that
// they share. Wait for the vault's turn, then for the shared one, and say with
// [Pace.Used] when that was; one request of a vault at a time, since a turn that is
// taken ahead of time would come to stand beside later ones.
package pace

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Pace gives each new key its turn, among all goroutines of a client.
type Pace struct {
	mu      sync.Mutex
	limiter *rate.Limiter
	until   time.Time // no turn comes before: the vault throttles
}

// perSecond leaves two per cent of a limit, which keep a window that the network
// has stretched or squeezed within it.
func perSecond(perTenSeconds float64) float64 { return perTenSeconds / 10 * 0.98 }

// New returns the pace of so many keys in ten seconds; 0 for no limit. It spreads
// them evenly: a burst would use up the service's window and be throttled for
// the rest of it.
func New(perTenSeconds float64) *Pace {
	limit := rate.Limit(perSecond(perTenSeconds))
	if perTenSeconds == 0 {
		limit = rate.Inf
	}
	return &Pace{limiter: rate.NewLimiter(limit, 1)}
}

// Next takes a turn and returns how long it is off; 0 or less is now.
func (p *Pace) Next(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := now
	if p.until.After(now) {
		from = p.until
	}
	return p.limiter.ReserveN(from, 1).DelayFrom(now)
}

// Used says that the last turn was used at a later time than was its own: the next
// one is as far off from then.
func (p *Pace) Used(at time.Time) {
	p.Hold(at.Add(time.Duration(float64(time.Second) / float64(p.limiter.Limit()))))
}

// Hold puts every turn off until then: more requests would only be
// throttled as well.
func (p *Pace) Hold(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.until) {
		p.until = until
	}
}
