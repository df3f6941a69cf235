package vault

import (
	"context"
	"errors"
	"testing"
	"time"

	"byok/internal/vault/endpoint"
	"byok/internal/vault/pace"
)

// TestShare has two vaults of one subscription wait for the turns that they share,
// and then for their own.
func TestShare(t *testing.T) {
	address, err := endpoint.Parse("https://localhost:1", endpoint.Allow{Rehearsal: true})
	if err != nil {
		t.Fatal(err)
	}
	shared, clock := pace.New(2), &fakeClock{now: noon}
	var clients []*Client
	for range 2 {
		c, err := New(address, token("x"), Options{Rate: 1, Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		c.Share(shared)
		clients = append(clients, c)
	}
	var at []time.Duration
	for i := range 4 {
		if err := clients[i%2].turn(context.Background()); err != nil {
			t.Fatal(err)
		}
		at = append(at, clock.Now().Sub(noon).Round(time.Second))
	}
	for i, want := range []time.Duration{0, 5 * time.Second, 10 * time.Second, 15 * time.Second} {
		if at[i] != want {
			t.Errorf("turns at %v", at)
			break
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := clients[0].turn(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
