package rehearsal

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestLimiter goes through time second by second: in every span of ten seconds
// there are at most three.
func TestLimiter(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := &limiter{limit: limit{keys: 3, per: 10 * time.Second}, clock: func() time.Time { return at }}
	var got strings.Builder
	for range 24 {
		fmt.Fprint(&got, map[bool]string{true: "+", false: "-"}[l.admit()])
		at = at.Add(time.Second)
	}
	if want := "+++-------+++-------+++-"; got.String() != want {
		t.Errorf("%s, not %s", got.String(), want)
	}
	for text, want := range map[string]limit{
		"": {}, "7/3s": {keys: 7, per: 3 * time.Second}, documented: {keys: 1, per: time.Second},
	} {
		l, err := parseLimit(text)
		if got := l.of(ManagedHSM); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	if got := (limit{asked: true}).of(Vault); got != (limit{keys: 10, per: 10 * time.Second}) {
		t.Errorf("a vault's is %+v", got)
	}
	for range 100 {
		if !(&limiter{clock: time.Now}).admit() {
			t.Fatal("without a limit it refuses")
		}
	}
}
