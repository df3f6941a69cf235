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

// TestPaced holds the reckoning to the pace that clients keep, on a clock of the
// test's own: each vault waits for its turn, and then for its subscription's. In no
// ten seconds are there more keys than the limits allow.
func TestPaced(t *testing.T) {
	for _, f := range []Fleet{
		{kek.ServiceVault, 100, 5, 1000}, {kek.ServiceVault, 24, 2, 480}, {kek.ServiceVault, 6, 1, 300},
		{kek.ServiceVault, 5, 1, 300}, {kek.ServiceVault, 7, 2, 200},
	} {
		vaults := Spread(f)
		var clients []*client
		shared, sent := map[string]*pace.Pace{}, map[string][]time.Duration{}
		for _, v := range vaults {
			if shared[v.Subscription] == nil {
				shared[v.Subscription] = pace.New(50)
			}
			clients = append(clients, &client{vault: v, shared: shared[v.Subscription], own: pace.New(10)})
		}
		var last time.Duration
		for c := earliest(clients); c != nil; c = earliest(clients) {
			if last = c.at; c.step() {
				sent[c.vault.Subscription] = append(sent[c.vault.Subscription], last)
				sent[c.vault.Name] = append(sent[c.vault.Name], last)
			}
		}
		if want, _ := Takes(vaults); last < want-time.Millisecond || float64(last) > 1.05*float64(want) {
			t.Errorf("%+v: the pace takes %s, the reckoning %s", f, last, want)
		}
		for who, at := range sent {
			most := 10
			if shared[who] != nil {
				most = 50
			}
			for i := range at[min(most, len(at)):] {
				if at[i+most]-at[i] < 10*time.Second {
					t.Fatalf("%+v: %s has %d keys in %s", f, who, most+1, at[i+most]-at[i])
				}
			}
		}
	}
}

// client brings one key after another to a vault.
type client struct {
	vault       Vault
	shared, own *pace.Pace
	at          time.Duration // when it acts next
	turn        int           // 0: takes the vault's turn; 1: takes the subscription's; 2: sends
}

func earliest(clients []*client) (first *client) {
	for _, c := range clients {
		if c.vault.Keys > 0 && (first == nil || c.at < first.at) {
			first = c
		}
	}
	return first
}

// step does what comes next, and reports whether that was to send a key.
func (c *client) step() bool {
	now := noon.Add(c.at)
	turn := c.turn
	c.turn = (turn + 1) % 3
	switch turn {
	case 0:
		c.at += max(0, c.own.Next(now))
	case 1:
		c.at += max(0, c.shared.Next(now))
	default:
		c.own.Used(now)
		c.vault.Keys--
	}
	return turn == 2
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

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
