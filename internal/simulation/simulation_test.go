package simulation

import (
	"fmt"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/vault/pace"
)

// TestSpread has how keys are spread, how long that takes, and by which limit.
func TestSpread(t *testing.T) {
	for _, c := range []struct {
		name  string
		fleet Fleet
		want  string // of each subscription: its vaults, keys and fewest to most
		takes string // rounded to a tenth of a second
		limit string
	}{
		{"one key", Fleet{kek.ServiceVault, 1, 1, 1}, "1:1:1-1", "0s", ""},
		{"one vault", Fleet{kek.ServiceVault, 1, 1, 50}, "1:50:50-50", "50s", "vault"},
		{"five vaults of a subscription", Fleet{kek.ServiceVault, 5, 1, 50}, "5:50:10-10", "10s", "subscription"},
		{"ten are no faster", Fleet{kek.ServiceVault, 10, 1, 50}, "10:50:5-5", "10s", "subscription"},
		{"two subscriptions are", Fleet{kek.ServiceVault, 10, 2, 50}, "5:25:5-5 5:25:5-5", "4.9s", "subscription"},
		{"of unlike numbers of vaults", Fleet{kek.ServiceVault, 12, 2, 120}, "6:60:10-10 6:60:10-10", "12s", "subscription"},
		{"and more unlike", Fleet{kek.ServiceVault, 7, 2, 70}, "4:40:10-10 3:30:10-10", "9.2s", "vault"},
		{"six and five", Fleet{kek.ServiceVault, 11, 2, 400}, "6:200:33-34 5:200:40-40", "40.6s", "subscription"},
		{
			"of the issue", Fleet{kek.ServiceVault, 100, 5, 1000},
			"20:200:10-10 20:200:10-10 20:200:10-10 20:200:10-10 20:200:10-10", "40.6s", "subscription",
		},
		{"Managed HSMs", Fleet{kek.ServiceManagedHSM, 10, 1, 50}, "10:50:5-5", "4.1s", "vault"},
		{"fewer keys than vaults", Fleet{kek.ServiceManagedHSM, 4, 2, 3}, "2:2:1-1 2:1:0-1", "0s", ""},
	} {
		if err := c.fleet.Check(); err != nil {
			t.Fatal(err)
		}
		vaults, got := Spread(c.fleet), ""
		for i, g := range Subscriptions(vaults) {
			if i > 0 {
				got += " "
			}
			got += fmt.Sprintf("%d:%d:%d-%d", g.Vaults, g.Keys, g.Fewest, g.Most)
		}
		takes, limit := Takes(vaults)
		if text := takes.Round(100 * time.Millisecond).String(); got != c.want || text != c.takes || limit != c.limit {
			t.Errorf("%s: %s in %s by %q, want %s in %s by %q", c.name, got, text, limit, c.want, c.takes, c.limit)
		}
	}
}

// TestBest moves one key from each vault to each other one, and none of that is
// faster.
func TestBest(t *testing.T) {
	for _, f := range []Fleet{
		{kek.ServiceVault, 7, 2, 93}, {kek.ServiceVault, 11, 2, 400}, {kek.ServiceVault, 13, 3, 57},
		{kek.ServiceManagedHSM, 3, 2, 10},
	} {
		vaults := Spread(f)
		best, _ := Takes(vaults)
		keys := 0
		for i := range vaults {
			keys += vaults[i].Keys
			for j := range vaults {
				if vaults[i].Keys == 0 {
					continue
				}
				vaults[i].Keys--
				vaults[j].Keys++
				if takes, _ := Takes(vaults); takes < best-time.Millisecond {
					t.Errorf("%+v: %s with a key of %s in %s, not %s", f, takes, vaults[i].Name, vaults[j].Name, best)
				}
				vaults[i].Keys++
				vaults[j].Keys--
			}
		}
		if keys != f.Keys {
			t.Errorf("%+v: %d keys", f, keys)
		}
	}
}

// TestPaced holds the reckoning to the pace that a client keeps: 24 vaults of two
// subscriptions, each with four requests under way, on a clock of the test's own.
func TestPaced(t *testing.T) {
	vaults := Spread(Fleet{kek.ServiceVault, 24, 2, 480})
	limit := pace.Documented(kek.ServiceVault)
	shared := map[string]*pace.Pace{}
	start := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	var workers []*worker
	for _, v := range vaults {
		if shared[v.Subscription] == nil {
			shared[v.Subscription] = pace.New(limit.Subscription)
		}
		left, own := v.Keys, pace.New(limit.Vault)
		for range 4 {
			workers = append(workers, &worker{left: &left, shared: shared[v.Subscription], own: own, at: start})
		}
	}
	last := start
	for {
		w := earliest(workers)
		if w == nil {
			break
		}
		last = w.step()
	}
	want, _ := Takes(vaults)
	if got := last.Sub(start); got < want || float64(got) > 1.05*float64(want) {
		t.Errorf("the pace takes %s, the reckoning %s", got, want)
	}
}

// worker sends one key after another when it is its turn.
type worker struct {
	left        *int
	shared, own *pace.Pace
	at          time.Time
	turn        int // 0 has nothing under way, 1 waits for the vault's turn, 2 sends
}

func earliest(workers []*worker) (first *worker) {
	for _, w := range workers {
		if (w.turn > 0 || *w.left > 0) && (first == nil || w.at.Before(first.at)) {
			first = w
		}
	}
	return first
}

// step does what comes next and returns when that was.
func (w *worker) step() time.Time {
	now := w.at
	switch w.turn {
	case 0:
		*w.left--
		w.at = now.Add(max(0, w.shared.Next(now)))
	case 1:
		w.at = now.Add(max(0, w.own.Next(now)))
	}
	w.turn = (w.turn + 1) % 3
	return now
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name  string
		fleet Fleet
		want  string
	}{
		{"no vaults", Fleet{"", 0, 1, 1}, "--vaults 0: expected 1 to 10000"},
		{"too many vaults", Fleet{"", 10001, 1, 1}, "--vaults 10001: expected 1 to 10000"},
		{"no keys", Fleet{"", 1, 1, 0}, "--keys 0: expected 1 to 1000000"},
		{"too many keys", Fleet{"", 1, 1, 1000001}, "--keys 1000001: expected 1 to 1000000"},
		{"no subscription", Fleet{"", 1, 0, 1}, "--subscriptions 0: expected 1 to 1, the number of vaults"},
		{"more subscriptions than vaults", Fleet{"", 3, 4, 1}, "--subscriptions 4: expected 1 to 3, the number of vaults"},
	} {
		if err := c.fleet.Check(); err == nil || err.Error() != c.want || exitcode.Of(err) != exitcode.Usage {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
