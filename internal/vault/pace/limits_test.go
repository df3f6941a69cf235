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

// TestUsed has a turn used later than it was: the next one is as far off from then.
func TestUsed(t *testing.T) {
	p := New(tenInTenSeconds)
	if wait := p.Next(noon); wait > 0 {
		t.Fatal(wait)
	}
	p.Used(noon.Add(5 * time.Second))
	if wait := p.Next(noon.Add(5 * time.Second)); wait < time.Second || wait > 1100*time.Millisecond {
		t.Errorf("the next turn is off %s", wait)
	}
	p = New(0)
	p.Used(noon)
	if wait := p.Next(noon); wait > 0 {
		t.Errorf("without a limit the turn is off %s", wait)
	}
}
