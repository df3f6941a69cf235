package limit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/kek"
)

// TestLimiter goes through time second by second: in every span of ten seconds
// there are at most three.
func TestLimiter(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := NewLimiter(Limit{keys: 3, per: 10 * time.Second}, func() time.Time { return at })
	var got strings.Builder
	for range 24 {
		fmt.Fprint(&got, map[bool]string{true: "+", false: "-"}[l.Admit()])
		at = at.Add(time.Second)
	}
	if want := "+++-------+++-------+++-"; got.String() != want {
		t.Errorf("%s, not %s", got.String(), want)
	}
	for text, want := range map[string]Limit{
		"": {}, "7/3s": {keys: 7, per: 3 * time.Second}, Documented: {keys: 1, per: time.Second},
	} {
		l, err := Parse(text)
		if got := l.Of(kek.ServiceManagedHSM); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	if got := (Limit{asked: true}).Of(kek.ServiceVault); got != (Limit{keys: 10, per: 10 * time.Second}) {
		t.Errorf("a vault's is %+v", got)
	}
	for range 100 {
		if !NewLimiter(Limit{}, time.Now).Admit() {
			t.Fatal("without a limit it refuses")
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"10", "0/1s", "-1/1s", "x/1s", "10/", "10/0s", "10/11m", "10/soon", "Documented"} {
		want := fmt.Sprintf("limit %q: expected documented or KEYS/DURATION, such as 10/10s", text)
		if _, err := Parse(text); err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Usage {
			t.Errorf("%q: %v", text, err)
		}
	}
}
