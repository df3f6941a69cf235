package onlineview

import (
	"io"
	"time"

	"byok/internal/azure"
	"byok/internal/rehearsal"
	"byok/internal/stamp"
	"byok/internal/term"
)

// RehearsalIdentity is who signs in to a rehearsal vault: whoever has its folder.
func RehearsalIdentity(c *rehearsal.Client) Identity {
	return Identity{azure.Identity{
		Account: "whoever has the rehearsal's folder",
		Tenant:  c.Tenant,
		Cloud:   "Rehearsal",
		Expires: stamp.Now().Add(time.Hour), // as its credential says
	}}
}

// Subscriptions are those of an account.
type Subscriptions struct {
	Subscriptions []azure.Subscription `json:"subscriptions"`
}

// RehearsalSubscriptions are one subscription with an id of zeros, so that there
// is one to pack a key for.
func RehearsalSubscriptions(c *rehearsal.Client) Subscriptions {
	return Subscriptions{[]azure.Subscription{{
		ID:     "00000000-0000-0000-0000-000000000000",
		Name:   "REHEARSAL",
		State:  "Enabled",
		Tenant: c.Tenant,
	}}}
}

// Print implements command.Result.
func (v Subscriptions) Print(w io.Writer) error {
	rows := [][]string{{"NAME", "ID", "STATE", "TENANT"}}
	for _, s := range v.Subscriptions {
		rows = append(rows, []string{s.Name, s.ID, s.State, s.Tenant})
	}
	return term.Table(w, rows)
}
