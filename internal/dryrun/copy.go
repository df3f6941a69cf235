package dryrun

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"byok/internal/plan"
	"byok/internal/printable"
)

// Names in the scratch folder.
const (
	planFile     = "plan.yaml"
	stick        = "stick"
	backup       = "backup"
	connected    = "connected"
	disconnected = "disconnected"
)

// rehearsed is a plan as it can be held on this computer, what is other in it, in
// words, and the copies of its release policies, by their names there. The
// vaults' addresses and the library come later.
func rehearsed(p *plan.Plan, now time.Time) (held *plan.Plan, changes []string, policies map[string]string) {
	c := copying{Plan: *p, now: now, policies: map[string]string{}}
	c.rehearse()
	c.places()
	c.keys()
	return &c.Plan, c.changes, c.policies
}

type copying struct {
	plan.Plan
	now      time.Time
	changes  []string
	policies map[string]string
}

func (c *copying) change(format string, args ...any) {
	c.changes = append(c.changes, fmt.Sprintf(format, args...))
}

func (c *copying) rehearse() {
	if !c.Rehearsal {
		c.change("rehearsal: true, and nothing that is made here counts")
	}
	if c.Existing {
		c.change("existing: false, so the world is created first")
	}
	if c.Airgap {
		c.change("airgap: false; this computer is a connected one")
	}
	c.Rehearsal, c.Existing, c.Airgap = true, false, false
	c.change("hsm: SoftHSM, in the place of %s", c.HSM.Model)
	for _, option := range []struct {
		name, value string
		given       bool
	}{
		{"guard", c.HSM.Guard, c.HSM.Guard != ""},
		{"token", c.HSM.Token, c.HSM.Token != ""},
		{"network", "true", c.HSM.Network},
		{"rights_per_login", "true", c.HSM.RightsPerLogin},
		{"vendor_quorum", c.HSM.VendorQuorum, c.HSM.VendorQuorum != ""},
	} {
		if option.given {
			c.change("hsm.%s: left out; %s is the HSM's own to show", option.name, option.value)
		}
	}
	c.HSM = plan.HSM{Model: c.HSM.Model}
}

func (c *copying) places() {
	c.Holders = slices.Clone(c.Holders)
	for i, h := range c.Holders {
		c.Holders[i].Media = fmt.Sprintf("card-%d", i+1)
		c.change("holders[%d].media: %s, in the place of %s", i+1, c.Holders[i].Media, h.Media)
	}
	c.change("stick: %s, in the place of %s", stick, c.Stick)
	c.change("backup: %s, in the place of %s", backup, c.Backup)
	c.Stick, c.Backup = stick, backup
	c.Vaults = slices.Clone(c.Vaults)
	for i, v := range c.Vaults {
		c.change("vaults[%d].address: a rehearsal vault, in the place of %s", i+1, v.Address)
	}
}

func (c *copying) keys() {
	c.Keys = slices.Clone(c.Keys)
	for i := range c.Keys {
		c.key(i)
	}
}

// key changes what of a key cannot be on this computer today: a day that comes
// between today and the ceremony's, a policy beside the plan, and an older key
// that this world does not have.
func (c *copying) key(i int) {
	k, at := &c.Keys[i], fmt.Sprintf("keys[%d]", i+1)
	begin, err := k.NotBefore.Time()
	if day, bad := c.Date.Time(); err == nil && bad == nil && begin.After(c.now) && !begin.After(day) {
		c.change("%s.not_before: none, since %s is still to come, and not after the ceremony", at, k.NotBefore)
		k.NotBefore = ""
	}
	if k.ReleasePolicy != "" {
		name := fmt.Sprintf("release-policy-%d", i+1)
		c.change("%s.release_policy: %s, a copy of %s", at, name, k.ReleasePolicy)
		c.policies[name], k.ReleasePolicy = k.ReleasePolicy, name
	}
	older := func(other plan.Key) bool { return other.Ident == k.Replaces }
	if k.Replaces != "" && !slices.ContainsFunc(c.Keys[:i], older) {
		c.change("%s.replaces: none, since %s is not made by this plan", at, printable.Quote(k.Replaces))
		k.Replaces = ""
	}
}

// encode writes a plan as YAML.
func encode(p *plan.Plan) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	if err := e.Encode(p); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}
