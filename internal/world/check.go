package world

import (
	"byok/internal/cards"
	"byok/internal/session"
	"fmt"
	"slices"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/kmdata"
)

// Outcome is what came of one check.
type Outcome string

// The outcomes. A check that was not made is never a pass.
const (
	Pass       Outcome = "pass"
	Fail       Outcome = "FAIL"
	NotChecked Outcome = "not checked"
)

// Row is one line of a world check.
type Row struct {
	What    string  `json:"what"`
	Outcome Outcome `json:"outcome"`
	Detail  string  `json:"detail"`
}

// checker compares the token with kmdata, from one look at the token.
type checker struct {
	Operator
	rows  []Row
	items []hsm.Item
	known map[string]bool // labels of objects that this world made
	blind string          // why objects of this world may be unknown
}

// Check compares the token at hand with what statements and key files say of
// it: the module, its trusted keys and anchor, every key, and every other
// object. The error has status Check if a row is not a pass.
func (o Operator) Check() ([]Row, error) {
	c := &checker{Operator: o, known: map[string]bool{}}
	c.statements()
	if err := c.look(); err != nil {
		return c.rows, err
	}
	c.module()
	c.keys()
	c.files()
	c.strangers()
	return c.rows, Summary(c.rows)
}

// CheckCards checks each card on its own against the set in force.
func CheckCards(chain *kmdata.Chain, media []cards.Medium, ui session.UI) []Row {
	checked, err := cards.Check(media, chain.Set().Cards, ui)
	if err != nil {
		return []Row{{"cards", Fail, err.Error()}}
	}
	var c checker
	for _, one := range checked {
		c.note(one.Card, "its share fits the commitments", one.Err)
	}
	return c.rows
}

// Summary is the error that rows add up to: nil if each is a pass.
func Summary(rows []Row) error {
	bad := 0
	for _, r := range rows {
		if r.Outcome != Pass {
			bad++
		}
	}
	if bad == 0 {
		return nil
	}
	return exitcode.Errorf(exitcode.Check, "%d of %d checks did not pass", bad, len(rows))
}

// note adds a row: good is its detail when there is no error.
func (c *checker) note(what, good string, err error) {
	if err != nil {
		c.rows = append(c.rows, Row{what, Fail, err.Error()})
		return
	}
	c.rows = append(c.rows, Row{what, Pass, good})
}

func (c *checker) notChecked(what, why string) {
	c.rows = append(c.rows, Row{what, NotChecked, why})
}

func (c *checker) statements() {
	last := c.Chain.Last()
	c.note(
		"statements",
		fmt.Sprintf("%d verified; the last is %d, %s", len(c.Chain.Entries()), last.Number(), last.Sum.FirstWords(8)),
		nil,
	)
	c.note("module", fmt.Sprintf("%s holds the KML that statement %d certifies", c.Module.Token, c.Module.Number), nil)
	for _, behind := range c.Chain.Behind() {
		c.note("module "+behind.Token.String(), "", exitcode.Errorf(exitcode.Check, "it is still open to the old cards"))
	}
}

// look lists every object of the token once.
func (c *checker) look() (err error) {
	c.items, err = c.User.Inventory()
	return err
}

// module checks the trusted keys and the anchor.
func (c *checker) module() {
	c.known[kmdata.KMLLabel(c.Module.Module)] = true
	for label := range c.TrustedLabels() {
		c.known[label] = true
	}
	c.note("trusted objects", "exactly this world's", c.ExactlyTrusted())
	set := c.Chain.Set()
	_, err := session.ProveGuard(c.User.Session, c.Module.Module, set, hsm.Form(c.Module.Form))
	c.note("guard", fmt.Sprintf("%s: every restriction that it rests on holds", c.Module.Guard), err)
	c.anchor()
}

// anchor compares the newest statement with the token's anchor.
func (c *checker) anchor() {
	if !session.Anchors(c.Module.Guard) {
		c.notChecked("anchor", fmt.Sprintf("guard %s has none; compare the last statement with the paper", c.Module.Guard))
		return
	}
	found := false
	for _, item := range c.items {
		a, ok := session.ParseAnchor(item.Label)
		if !ok || !item.Trusted {
			continue
		}
		found, c.known[item.Label] = true, true
		c.note("anchor", fmt.Sprintf("the token knows statement %d", a.Number), c.anchored(a))
	}
	if !found {
		c.note(
			"anchor",
			"",
			exitcode.Errorf(exitcode.Check, "the token carries none: compare the last statement with the paper"),
		)
	}
}

func (c *checker) anchored(a session.Anchor) error {
	for _, e := range c.Chain.Entries() {
		if e.Number() == a.Number && e.Sum == a.Sum {
			return nil
		}
	}
	return exitcode.Errorf(
		exitcode.Check,
		"the token knows statement %d, %s, which kmdata does not hold",
		a.Number,
		a.Sum.FirstWords(8),
	)
}

// keys checks every key file, and its key on the token.
func (c *checker) keys() {
	names, err := c.Chain.KeyNames()
	if err != nil {
		c.note("key files", "", err)
		c.blind = "the key files could not be listed"
		return
	}
	for _, name := range names {
		ident := strings.TrimPrefix(name, kmdata.KeyName(kmdata.Simple, ""))
		k, err := c.Chain.Key(ident)
		if err != nil {
			c.note(name, "", err)
			c.blind = name + " does not verify"
			continue
		}
		c.known[name] = true
		c.key(k)
	}
}

// key checks one key on the token against its file.
func (c *checker) key(k *kmdata.Key) {
	retired, err := c.Chain.Retired(k.Ident)
	if err != nil {
		c.note(k.Name(), "", err)
		return
	}
	there := slices.ContainsFunc(c.items, func(i hsm.Item) bool { return i.Label == k.Name() })
	switch {
	case retired != nil && there:
		c.note(k.Name(), "", exitcode.Errorf(exitcode.Check, "it was retired, and is on the token"))
	case retired != nil:
		c.note(k.Name(), "retired, and no longer on the token", nil)
	default:
		detail, err := c.compare(k)
		c.note(k.Name(), detail, err)
	}
}

func (c *checker) compare(k *kmdata.Key) (string, error) {
	key, err := c.User.KeyIn(c.items, k.Name())
	if err != nil {
		return "", err
	}
	if err := c.User.Proves(key, session.Wanted(k.Identity)); err != nil {
		return "", err
	}
	live, err := c.User.Permissions(key)
	if err != nil {
		return "", err
	}
	if recorded := Recorded(c.Chain, k, c.Module.Module); !slices.Equal(live, recorded) {
		return "", exitcode.Errorf(
			exitcode.Check,
			"the token shows %s, and %s was recorded",
			strings.Join(live, " "),
			strings.Join(recorded, " "),
		)
	}
	origin, restored := c.Chain.OriginOf(k.Ident, k.Identity, c.Module.Module)
	return fmt.Sprintf("%v; origin %s", k.Identity, kmdata.OriginText(origin, restored)), nil
}

// Recorded is the permissions of a key as they were recorded for a module:
// where it was generated, by its file; where it was restored, by the statement.
func Recorded(chain *kmdata.Chain, k *kmdata.Key, module string) []string {
	o, found := chain.Origin(k.Ident)
	if found && o.Restored && o.Module == module && o.Identity.Same(k.Identity) && !k.Frozen {
		return o.Attributes
	}
	return k.Permissions
}

// strangers looks for objects that this world did not make. A label counts
// for one object of each class: a second one under it is a stranger.
func (c *checker) strangers() {
	seen := map[string]bool{}
	var strange []string
	for _, item := range c.items {
		at := fmt.Sprintf("%d %s", item.Class, item.Label)
		if c.known[item.Label] && !seen[at] && item.Class.IsKey() {
			seen[at] = true
			continue
		}
		strange = append(strange, session.DescribeItem(item))
	}
	switch {
	case len(strange) > 0:
		c.note(
			"other objects",
			"",
			exitcode.Errorf(exitcode.Check, "this world did not make %s", strings.Join(strange, "; ")),
		)
	case c.blind != "":
		c.notChecked("other objects", c.blind)
	default:
		c.note("other objects", "none", nil)
	}
}

// Permissions reads what a key may do on the token now, and what was recorded.
func (o Operator) Permissions(ident string) (live, recorded []string, err error) {
	k, err := o.Chain.Key(ident)
	if err != nil {
		return nil, nil, err
	}
	key, err := o.User.FindKey(k.Name())
	if err != nil {
		return nil, nil, err
	}
	if err := o.User.Proves(key, session.Wanted(k.Identity)); err != nil {
		return nil, nil, err
	}
	live, err = o.User.Permissions(key)
	return live, Recorded(o.Chain, k, o.Module.Module), err
}
