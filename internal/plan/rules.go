package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/printable"
	"byok/internal/quorum"
	"byok/internal/statement"
	"byok/internal/toolset"
	"byok/internal/transfer"
)

// maxText is the most bytes of a text.
const maxText = 400

var errMissing = errors.New("missing")

// text checks a text that a plan must have.
func text(s string) error {
	if s == "" {
		return errMissing
	}
	return printable.Check(s, maxText)
}

// optional checks a text that may be left out.
func optional(s string) error {
	if s == "" {
		return nil
	}
	return text(s)
}

// oneOf checks a word of a list.
func oneOf(s string, known []string) error {
	switch {
	case s == "":
		return errMissing
	case !slices.Contains(known, s):
		return fmt.Errorf("%.60q is not one of %s", s, strings.Join(known, ", "))
	}
	return nil
}

func (c *checking) head() {
	c.fail("title", text(c.Title))
	c.fail("purpose", text(c.Purpose))
	c.fail("location", text(c.Location))
	c.fail("world", text(c.World))
	c.fail("stick", text(c.Stick))
	c.fail("backup", text(c.Backup))
	c.day("date", c.Date)
}

func (c *checking) date() {
	if day, err := c.Date.Time(); err == nil && day.Before(c.today) {
		c.add("date", "%s is past", c.Date)
	}
}

// day checks a day that a plan must have.
func (c *checking) day(field string, d Day) (time.Time, bool) {
	if d == "" {
		return time.Time{}, !c.fail(field, errMissing)
	}
	t, err := d.Time()
	if err != nil {
		c.add(field, "%.40q is not a day such as 2026-12-01", string(d))
	}
	return t, err == nil
}

// dayIfAny is day for one that may be left out.
func (c *checking) dayIfAny(field string, d Day) (time.Time, bool) {
	if d == "" {
		return time.Time{}, false
	}
	return c.day(field, d)
}

func (c *checking) people() {
	c.person("approver", c.Approver)
	var known, filled []string
	for _, r := range Roles() {
		known = append(known, r.Name)
	}
	for i, r := range c.Roles {
		at := fmt.Sprintf("roles[%d]", i+1)
		c.fail(at+".role", oneOf(r.Role, known))
		c.person(at, r.Person)
		filled = append(filled, r.Role)
	}
	for _, r := range Roles() {
		if r.Needed && !slices.Contains(filled, r.Name) {
			c.add("roles", "no person is the %s, who %s", r.Name, r.Does)
		}
	}
	for i, w := range c.Witnesses {
		c.person(fmt.Sprintf("witnesses[%d]", i+1), w)
	}
	if len(c.Witnesses) == 0 && !c.Rehearsal {
		c.add("witnesses", "a production ceremony needs at least one")
	}
}

func (c *checking) person(at string, p Person) {
	c.fail(at+".name", text(p.Name))
	c.fail(at+".affiliation", optional(p.Affiliation))
}

func (c *checking) cards() {
	names := make([]string, len(c.Holders))
	for i, h := range c.Holders {
		at := fmt.Sprintf("holders[%d]", i+1)
		names[i] = h.Name
		c.fail(at+".affiliation", optional(h.Affiliation))
		c.fail(at+".media", text(h.Media))
		c.fail(at+".bag", optional(h.Bag))
		c.fail(at+".seal", optional(h.Seal))
	}
	_, err := quorum.CheckHolders(names)
	c.fail("holders", err)
	c.unique("holders", "media", len(c.Holders), func(i int) string { return c.Holders[i].Media })
	c.unique("holders", "bag", len(c.Holders), func(i int) string { return c.Holders[i].Bag })
	c.unique("holders", "seal", len(c.Holders), func(i int) string { return c.Holders[i].Seal })
	q, err := quorum.ParseQuorum(c.Quorum)
	switch {
	case c.Quorum == "":
		c.fail("quorum", errMissing)
	case c.fail("quorum", err):
	case q.N != len(c.Holders):
		c.add("quorum", "%s deals %s, and %s named", q, printable.Count(q.N, "card"), are(len(c.Holders), "holder"))
	}
}

func are(n int, thing string) string {
	if n == 1 {
		return "1 " + thing + " is"
	}
	return printable.Count(n, thing) + " are"
}

// unique refuses a value that stands twice in a field of a list. An empty one
// is none.
func (c *checking) unique(list, field string, n int, value func(int) string) {
	first := make(map[string]int, n)
	for i := range n {
		v := strings.ToLower(value(i))
		if v == "" {
			continue
		}
		if before, found := first[v]; found {
			c.add(fmt.Sprintf("%s[%d].%s", list, i+1, field), "%.80q is that of %s[%d] already", value(i), list, before+1)
			continue
		}
		first[v] = i
	}
}

func (c *checking) module() {
	c.fail("hsm.model", text(c.HSM.Model))
	c.fail("hsm.library", text(c.HSM.Library))
	c.fail("hsm.certificate", optional(c.HSM.Certificate))
	var guards []string
	for _, g := range statement.Guards() {
		guards = append(guards, string(g))
	}
	if c.HSM.Guard != "" {
		c.fail("hsm.guard", oneOf(c.HSM.Guard, guards))
	}
	if c.HSM.Token != "" {
		c.fail("hsm.token", oneOf(c.HSM.Token, []string{TokenInitialize, TokenAdopt}))
	}
	c.fail("hsm.vendor_quorum", optional(c.HSM.VendorQuorum))
	byTool := c.HSM.Guard == string(statement.GuardTrustByTool)
	officer := slices.ContainsFunc(c.Roles, func(r Role) bool { return r.Role == RoleOfficer })
	if byTool && !officer {
		c.add("roles", "guard %s needs a %s", c.HSM.Guard, RoleOfficer)
	}
}

func (c *checking) destinations() {
	for i, v := range c.Vaults {
		at := fmt.Sprintf("vaults[%d]", i+1)
		c.fail(at+".name", text(v.Name))
		c.fail(at+".service", oneOf(v.Service, []string{kek.ServiceManagedHSM, kek.ServiceVault}))
		c.address(at, v)
		c.fail(at+".kek_name", kek.CheckName(v.KEKName))
		c.fail(at+".kek", toolset.CheckSuffix(v.KEK))
		if !transfer.IsUUID(v.Subscription) {
			c.add(at+".subscription", "%.60q is not a UUID", v.Subscription)
		}
		c.person(at+".owner", v.Owner)
		if !c.used(v.Name) {
			c.add(at, "no key goes there")
		}
	}
	n := len(c.Vaults)
	c.unique("vaults", "name", n, func(i int) string { return c.Vaults[i].Name })
	c.unique("vaults", "address", n, func(i int) string { return c.Vaults[i].Address })
	c.unique("vaults", "kek", n, func(i int) string { return c.Vaults[i].KEK })
}

func (c *checking) address(at string, v Vault) {
	address, err := kek.ParseVault(v.Address)
	if c.fail(at+".address", err) {
		return
	}
	host := kek.HostOf(address)
	switch {
	case kek.IsLoopback(host) && !c.Rehearsal:
		c.add(at+".address", "a rehearsal's vault; set rehearsal: true, or name the real one")
	case c.Rehearsal && !kek.IsLoopback(host):
		c.add(at+".address", "a rehearsal uses a rehearsal vault on this computer, such as https://localhost:8443")
	case kek.IsManagedHSM(host) && v.Service == kek.ServiceVault:
		c.add(at+".service", "the host is that of a Managed HSM")
	}
}

func (c *checking) used(vault string) bool {
	return slices.ContainsFunc(c.Keys, func(k Key) bool { return slices.Contains(k.Vaults, vault) })
}

func (c *checking) keys() {
	if len(c.Keys) == 0 {
		c.fail("keys", errMissing)
	}
	services := map[string]string{}
	for _, v := range c.Vaults {
		services[v.Name] = v.Service
	}
	for i, k := range c.Keys {
		at := fmt.Sprintf("keys[%d]", i+1)
		c.fail(at+".ident", keykind.CheckIdent(k.Ident))
		c.fail(at+".name", kek.CheckName(k.Called()))
		c.fail(at+".purpose", text(k.Purpose))
		c.kind(at, k)
		c.validity(at, k)
		c.release(at, k)
		c.succession(at, i)
		c.goes(at, k, services)
	}
	c.unique("keys", "ident", len(c.Keys), func(i int) string { return c.Keys[i].Ident })
}

// kind checks a key's type, and what the type allows.
func (c *checking) kind(at string, k Key) {
	kind, err := keykind.Parse(k.Type)
	if k.Type == "" {
		err = errMissing
	}
	if c.fail(at+".type", err) {
		return
	}
	for i, op := range k.Operations {
		c.fail(fmt.Sprintf("%s.operations[%d]", at, i+1), oneOf(op, kind.KeyOps()))
	}
}

func (c *checking) validity(at string, k Key) {
	begin, begins := c.dayIfAny(at+".not_before", k.NotBefore)
	end, ends := c.dayIfAny(at+".expires", k.Expires)
	switch {
	case ends && !end.After(c.today):
		c.add(at+".expires", "%s is past", k.Expires)
	case begins && ends && !begin.Before(end):
		c.add(at+".not_before", "%s is not before the key expires", k.NotBefore)
	}
}

func (c *checking) release(at string, k Key) {
	c.fail(at+".release_policy", optional(k.ReleasePolicy))
	switch {
	case k.Exportable && k.ReleasePolicy == "":
		c.add(at+".exportable", "an exportable key needs a release_policy")
	case !k.Exportable && k.ReleasePolicy != "":
		c.add(at+".release_policy", "only an exportable key has one")
	}
}

// succession checks the key that a key replaces: an earlier one of the plan, or one
// of a world that exists.
func (c *checking) succession(at string, i int) {
	k := c.Keys[i]
	switch before := slices.ContainsFunc(c.Keys[:i], func(o Key) bool { return o.Ident == k.Replaces }); {
	case k.Replaces == "" || before:
	case k.Replaces == k.Ident:
		c.add(at+".replaces", "a key cannot replace itself")
	case !c.Existing:
		c.add(at+".replaces", "%.80q is not among the keys before it, and the world is new", k.Replaces)
	default:
		c.fail(at+".replaces", keykind.CheckIdent(k.Replaces))
	}
}

// goes checks where a key goes: services are those of the vaults by name.
func (c *checking) goes(at string, k Key, services map[string]string) {
	if len(k.Vaults) == 0 {
		c.add(at+".vaults", "missing")
	}
	for i, name := range k.Vaults {
		field := fmt.Sprintf("%s.vaults[%d]", at, i+1)
		service, known := services[name]
		switch {
		case !known:
			c.add(field, "%.80q is not among the vaults", name)
		case slices.Contains(k.Vaults[:i], name):
			c.add(field, "%.80q stands twice", name)
		case service == kek.ServiceVault && k.Kind().Type == keykind.AES:
			c.add(field, "a Premium vault takes no AES key; a Managed HSM does")
		}
	}
}

// names refuses two keys of one name in one vault, unless one replaces the other.
func (c *checking) names() {
	type place struct{ vault, name string }
	first := map[place]int{}
	for i, k := range c.Keys {
		for _, v := range k.Vaults {
			at := place{v, strings.ToLower(k.Called())}
			before, found := first[at]
			if found && before != i && k.Replaces != c.Keys[before].Ident {
				c.add(fmt.Sprintf("keys[%d].name", i+1), "%q is in %s the name of keys[%d] already", k.Called(), v, before+1)
			}
			first[at] = i
		}
	}
}
