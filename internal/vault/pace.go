package vault

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace gives each new key its turn, among all goroutines of a client.
type pace struct {
	mu      sync.Mutex
	limiter *rate.Limiter
	until   time.Time // no turn comes before: the vault throttles
}

// newPace spreads the keys evenly: a burst would use up the service's window
// and be throttled for the rest of it. The two per cent left keep a window
// that the network has stretched or squeezed within the limit. 0 is no limit.
func newPace(perTenSeconds float64) *pace {
	limit := rate.Limit(perTenSeconds / 10 * 0.98)
	if perTenSeconds == 0 {
		limit = rate.Inf
	}
	return &pace{limiter: rate.NewLimiter(limit, 1)}
}

// next takes a turn and returns how long it is off.
func (p *pace) next(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := now
	if p.until.After(now) {
		from = p.until
	}
	return p.limiter.ReserveN(from, 1).DelayFrom(now)
}

// hold puts every turn off until then: more requests would only be
// throttled as well.
func (p *pace) hold(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.until) {
		p.until = until
	}
}

// turn waits for this vault's next turn to make or import a key.
func (c *Client) turn(ctx context.Context) error {
	wait := c.pace.next(c.clock.Now())
	if wait <= 0 {
		return ctx.Err()
	}
	return c.clock.Sleep(ctx, wait)
}
