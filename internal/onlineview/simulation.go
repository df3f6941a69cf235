package onlineview

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"byok/internal/printable"
	"byok/internal/simulation"
	"byok/internal/term"
	"byok/internal/vault/pace"
)

// Simulation is how long keys take to their vaults within the documented limits.
type Simulation struct {
	Keys     int              `json:"keys"`
	Seconds  float64          `json:"seconds"`
	Limit    string           `json:"limit,omitempty"` // vault or subscription; "" where nothing waits
	OneVault float64          `json:"one_vault_seconds"`
	Groups   []SimulatedGroup `json:"subscriptions"`
	Vaults   []SimulatedVault `json:"vaults"`
}

// SimulatedGroup is the vaults of a subscription.
type SimulatedGroup struct {
	Subscription string  `json:"subscription"`
	Vaults       int     `json:"vaults"`
	Keys         int     `json:"keys"`
	Fewest       int     `json:"fewest_a_vault"`
	Most         int     `json:"most_a_vault"`
	Seconds      float64 `json:"seconds"`
}

// SimulatedVault is a vault and the keys that go there.
type SimulatedVault struct {
	Vault        string `json:"vault"`
	Subscription string `json:"subscription"`
	Keys         int    `json:"keys"`
}

// OfSimulation returns how long the vaults take.
func OfSimulation(vaults []simulation.Vault) Simulation {
	takes, limit := simulation.Takes(vaults)
	v := Simulation{Seconds: seconds(takes), Limit: limit}
	for _, g := range simulation.Subscriptions(vaults) {
		v.Groups = append(v.Groups,
			SimulatedGroup{g.Subscription, g.Vaults, g.Keys, g.Fewest, g.Most, seconds(g.Takes)})
	}
	for _, one := range vaults {
		v.Keys += one.Keys
		v.Vaults = append(v.Vaults, SimulatedVault{one.Name, one.Subscription, one.Keys})
	}
	v.OneVault = seconds(pace.Takes(v.Keys, pace.PerVault))
	return v
}

// seconds are rounded to a tenth.
func seconds(d time.Duration) float64 { return d.Round(100 * time.Millisecond).Seconds() }

// Print implements command.Result: a line for each subscription, and the whole.
func (v Simulation) Print(w io.Writer) error {
	rows := [][]string{{"SUBSCRIPTION", "VAULTS", "KEYS", "KEYS A VAULT", "TAKES"}}
	for _, g := range v.Groups {
		each := strconv.Itoa(g.Most)
		if g.Fewest < g.Most {
			each = fmt.Sprintf("%d to %d", g.Fewest, g.Most)
		}
		rows = append(rows,
			[]string{g.Subscription, strconv.Itoa(g.Vaults), strconv.Itoa(g.Keys), each, lasting(g.Seconds)})
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s in %s: %s; in a single vault %s\n%s\n", printable.Count(v.Keys, "key"),
		printable.Count(len(v.Vaults), "vault"), lasting(v.Seconds), lasting(v.OneVault), v.because())
	return err
}

func lasting(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(100 * time.Millisecond).String()
}

// because says which limit decides, and what would be faster.
func (v Simulation) because() string {
	switch v.Limit {
	case "vault":
		return "Each vault's limit decides: add vaults."
	case "subscription":
		return "Each subscription's limit decides: add subscriptions, not vaults."
	}
	return "No key waits for another."
}
