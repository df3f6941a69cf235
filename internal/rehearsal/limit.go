package rehearsal

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"byok/internal/exitcode"
)

// documented is the limit a service states for new HSM keys: ten in ten
// seconds for a vault, one a second for a Managed HSM (Azure Key Vault service
// limits). That an import counts like a creation is not stated.
const documented = "documented"

// limit is how many keys may be made or imported in any span of time.
type limit struct {
	keys  int // 0 is no limit
	per   time.Duration
	asked bool // the documented one, which depends on the service
}

// parseLimit reads documented, KEYS/DURATION such as 10/10s, or nothing.
func parseLimit(text string) (limit, error) {
	if text == "" || text == documented {
		return limit{asked: text == documented}, nil
	}
	keys, per, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(keys)
	d, ok := duration(per)
	if err != nil || n < 1 || !ok {
		return limit{}, exitcode.Errorf(exitcode.Usage,
			"limit %.40q: %s, or KEYS/DURATION such as 10/10s, is expected", text, documented)
	}
	return limit{keys: n, per: d}, nil
}

// of settles the limit for a service.
func (l limit) of(service string) limit {
	switch {
	case !l.asked:
		return l
	case service == ManagedHSM:
		return limit{keys: 1, per: time.Second}
	}
	return limit{keys: 10, per: 10 * time.Second}
}

// limiter keeps a limit.
type limiter struct {
	limit
	clock func() time.Time
	mu    sync.Mutex
	made  []time.Time // at most keys of them, the oldest first
}

// admit reports whether one more key may be made now, and counts it if so.
func (l *limiter) admit() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.clock()
	switch {
	case l.keys == 0:
		return true
	case len(l.made) < l.keys:
	case at.Sub(l.made[0]) < l.per:
		return false
	default:
		l.made = l.made[1:]
	}
	l.made = append(l.made, at)
	return true
}

// limited throttles without Retry-After, as the service often does.
func (v *vault) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t, _ := find(r); (t.operation == "create" || t.operation == "import") && !v.limit.admit() {
			v.refuse(w, r, throttled())
			return
		}
		next.ServeHTTP(w, r)
	})
}
