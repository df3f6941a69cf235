// Package limit is how many keys a rehearsal vault makes in a time.
package limit

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"byok/internal/exitcode"
	"byok/internal/kek"
)

// Documented is the limit a service states for new HSM keys: ten in ten
// seconds for a vault, one a second for a Managed HSM (Azure Key Vault service
// limits). That an import counts like a creation is not stated.
const Documented = "documented"

// Limit is how many keys may be made or imported in any span of time.
type Limit struct {
	keys  int // 0 for no limit
	per   time.Duration
	asked bool // [Documented], which depends on the service
}

// Parse reads [Documented], KEYS/DURATION such as 10/10s, or nothing for no
// limit. The error has the status Usage.
func Parse(text string) (Limit, error) {
	if text == "" || text == Documented {
		return Limit{asked: text == Documented}, nil
	}
	keys, per, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(keys)
	d, ok := Duration(per)
	if err != nil || n < 1 || !ok {
		return Limit{}, exitcode.Errorf(exitcode.Usage,
			"limit %.40q: expected %s or KEYS/DURATION, such as 10/10s", text, Documented)
	}
	return Limit{keys: n, per: d}, nil
}

// Of settles the limit for a service.
func (l Limit) Of(service string) Limit {
	switch {
	case !l.asked:
		return l
	case service == kek.ServiceManagedHSM:
		return Limit{keys: 1, per: time.Second}
	}
	return Limit{keys: 10, per: 10 * time.Second}
}

// Limiter keeps a limit, for any number of goroutines.
type Limiter struct {
	limit Limit
	now   func() time.Time
	mu    sync.Mutex
	made  []time.Time // at most keys of them, the oldest first
}

// NewLimiter returns what keeps the limit l of one service (see [Limit.Of]).
func NewLimiter(l Limit, now func() time.Time) *Limiter { return &Limiter{limit: l, now: now} }

// Admit reports whether one more key may be made now, and counts it if so.
func (l *Limiter) Admit() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.now()
	switch {
	case l.limit.keys == 0:
		return true
	case len(l.made) < l.limit.keys:
	case at.Sub(l.made[0]) < l.limit.per:
		return false
	default:
		l.made = l.made[1:]
	}
	l.made = append(l.made, at)
	return true
}

// Duration reads a time such as 10s, of at most ten minutes.
func Duration(text string) (time.Duration, bool) {
	d, err := time.ParseDuration(text)
	return d, err == nil && d > 0 && d <= 10*time.Minute
}
