package pace

import (
	"testing"
	"time"
)

// The documented limit, which most tests keep.
const tenInTenSeconds = 10

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// take waits for the next turn as a client does, and returns when it is.
func take(p *Pace, now time.Time) time.Time { return now.Add(max(0, p.Next(now))) }

// TestRate holds the pace to the documented limit whatever the window, and to
// at least 95 per cent of it.
func TestRate(t *testing.T) {
	p, now := New(tenInTenSeconds), noon
	var at []time.Time
	for range 100 {
		now = take(p, now)
		at = append(at, now)
	}
	for i := range at[tenInTenSeconds:] {
		if d := at[i+tenInTenSeconds].Sub(at[i]); d < 10*time.Second {
			t.Fatalf("%d keys in %s", tenInTenSeconds+1, d)
		}
	}
	if share := 99 / at[99].Sub(at[0]).Seconds(); share < 0.95 {
		t.Errorf("%.3f of the limit", share)
	}
}

func TestRateOfOnesOwn(t *testing.T) {
	p := New(0)
	for range 1000 {
		if wait := p.Next(noon); wait > 0 {
			t.Fatalf("no limit, yet it waits %s", wait)
		}
	}
	p, now := New(1), noon
	for range 3 {
		now = take(p, now)
	}
	if d := now.Sub(noon); d < 20*time.Second || d > 21*time.Second {
		t.Errorf("three keys at one in ten seconds took %s", d)
	}
}

// TestHold has one goroutine throttled: the turns of the others wait as well,
// and stay apart.
func TestHold(t *testing.T) {
	p := New(tenInTenSeconds)
	p.Hold(noon.Add(8 * time.Second))
	p.Hold(noon.Add(time.Second))
	for i, least := range []time.Duration{8 * time.Second, 9 * time.Second, 10 * time.Second} {
		if wait := p.Next(noon); wait < least || wait > least+100*time.Millisecond {
			t.Errorf("turn %d is off %s", i, wait)
		}
	}
	p = New(0)
	p.Hold(noon.Add(time.Second))
	if wait := p.Next(noon); wait != time.Second {
		t.Errorf("without a limit the turn is off %s", wait)
	}
}
