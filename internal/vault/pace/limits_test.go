package pace

import (
	"testing"
	"time"

	"byok/internal/kek"
)

func TestDocumented(t *testing.T) {
	for service, want := range map[string]Limit{
		kek.ServiceVault: {10, 50}, kek.ServiceManagedHSM: {10, 0}, "": {10, 50},
	} {
		if got := Documented(service); got != want {
			t.Errorf("%q: %+v", service, got)
		}
	}
	if got := Documented(kek.ServiceVault).Scaled(20); got != (Limit{20, 100}) {
		t.Errorf("scaled: %+v", got)
	}
	if got := Documented(kek.ServiceVault).Scaled(0); got != (Limit{}) {
		t.Errorf("no limit: %+v", got)
	}
}

// TestTakes holds the reckoning to the pace itself, and Within to Takes.
func TestTakes(t *testing.T) {
	for _, n := range []int{1, 2, 10, 99, 1000} {
		p, now := New(tenInTenSeconds), noon
		for range n {
			now = take(p, now)
		}
		takes := Takes(n, tenInTenSeconds)
		if off := now.Sub(noon) - takes; off.Abs() > time.Millisecond {
			t.Errorf("%d keys take %s, and the reckoning is %s off", n, now.Sub(noon), off)
		}
		if got := Within(takes, tenInTenSeconds); got != n {
			t.Errorf("within %s: %d, want %d", takes, got, n)
		}
	}
	if Takes(5, 0) != 0 || Takes(0, 10) != 0 {
		t.Error("nothing takes time")
	}
}

// TestShared has twelve vaults take their turns from one pace as well: together
// they keep its limit, and each its own.
func TestShared(t *testing.T) {
	together, clock := New(50), noon
	var at []time.Time
	own := make([]*Pace, 12)
	for i := range own {
		own[i] = New(tenInTenSeconds)
	}
	for i := range 600 {
		clock = take(own[i%12], take(together, clock))
		at = append(at, clock)
	}
	for i := range at[50:] {
		if d := at[i+50].Sub(at[i]); d < 10*time.Second {
			t.Fatalf("51 keys in %s", d)
		}
	}
}
