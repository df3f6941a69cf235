package worldcheck

import (
	"fmt"
	"slices"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/ordered"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/twologins"
)

// look lists every object of the token once, trusted ones first: the user makes
// none, so that of two objects under one label the other is the stranger.
func (c *checker) look() (err error) {
	c.items, err = c.User.Inventory()
	ordered.Sort(c.items, trustedFirst)
	c.index = objectsOf(c.items)
	return err
}

func trustedFirst(a, b hsm.Item) int {
	switch {
	case a.Trusted == b.Trusted:
		return 0
	case a.Trusted:
		return -1
	}
	return 1
}

// module checks the trusted keys and what they rest on. A module that a card
// replacement has yet to reach is checked afterwards.
func (c *checker) module() {
	c.known[statement.KMLLabel(c.Module.Module)] = []hsm.Class{hsm.PublicKey, hsm.PrivateKey}
	if c.Behind() {
		return
	}
	for label, class := range c.TrustedKeys() {
		c.known[label] = []hsm.Class{class}
	}
	c.note("trusted objects", "exactly this world's", c.ExactlyTrusted())
	c.note("guard", fmt.Sprintf("%s: every restriction that it rests on holds", c.Module.GuardText()), c.guard())
}

// guard proves the guard, as far as this login can.
func (c *checker) guard() error {
	if c.Module.RightsPerLogin {
		return twologins.Refused(c.User.Session)
	}
	_, err := session.ProveGuard(c.User.Session, session.EquipmentOf(c.Module, c.Chain.Set()))
	return err
}

// behind accounts for what a module may hold between two card sets.
func (c *checker) behind() {
	c.blind = "the card replacement has not reached the module"
	for _, what := range []string{"trusted objects", "guard", "anchor"} {
		c.notChecked(what, c.blind)
	}
	for n := c.Module.CardSet; n <= c.Chain.Set().Cards.Number; n++ {
		c.known[statement.KMLabel(c.Module.Module, n)] = []hsm.Class{hsm.PublicKey}
		c.known[statement.KWLabel(c.Module.Module, n)] = []hsm.Class{hsm.SecretKey}
	}
	for _, item := range c.items {
		if _, ok := session.ParseAnchor(item.Label); ok && item.Trusted {
			c.known[item.Label] = []hsm.Class{hsm.PublicKey}
		}
	}
}

// anchor compares the newest statement with the token's anchor.
func (c *checker) anchor() {
	if c.Behind() {
		c.behind()
		return
	}
	if !session.Anchors(c.Module.Guard) {
		return // the row about the statements says what to compare instead
	}
	found := false
	for _, item := range c.items {
		a, ok := session.ParseAnchor(item.Label)
		if !ok || !item.Trusted {
			continue
		}
		found, c.known[item.Label] = true, []hsm.Class{hsm.PublicKey}
		c.note("anchor", c.describe(a), c.anchored(a))
	}
	if !found {
		c.fail("anchor", "the token carries none: compare the last statement with the paper")
	}
}

// describe says how far the token's anchor reaches.
func (c *checker) describe(a session.Anchor) string {
	text := fmt.Sprintf("the token knows statement %d", a.Number)
	if last := c.Chain.Last().Number(); a.Number < last {
		text += fmt.Sprintf("; the session that signed the last, %d, was cut short", last)
	}
	return text
}

func (c *checker) anchored(a session.Anchor) error {
	for _, e := range c.Chain.Entries() {
		if session.AnchorOf(e) == a {
			return nil
		}
	}
	return exitcode.Errorf(exitcode.Check, "the token knows statement %d, %s, which kmdata does not contain",
		a.Number, a.Sum.FirstWords(8))
}

// strangers looks for objects that this world did not make. A label counts
// for one object of each class that belongs to it: another one under it is a
// stranger. What the token held when it joined is in its statement.
func (c *checker) strangers() {
	others := slices.Clone(c.Module.Others)
	var strange []string
	for _, item := range c.items {
		if text := session.DescribeItem(item); !c.expects(item) && !take(&others, text) {
			strange = append(strange, text)
		}
	}
	slices.Sort(strange) // the token's order is its own affair
	switch {
	case len(strange) > 0:
		c.fail("other objects", "this world did not make %s", strings.Join(strange, "; "))
	case c.blind != "":
		c.notChecked("other objects", c.blind)
	default:
		c.note("other objects", "none", nil)
	}
}

// expects reports whether an object is one of this world's, the first of its
// class and label.
func (c *checker) expects(item hsm.Item) bool {
	classes := c.known[item.Label]
	if !take(&classes, item.Class) {
		return false
	}
	c.known[item.Label] = classes
	return true
}

// take removes the first v from a list, and reports whether it was there.
func take[T comparable](list *[]T, v T) bool {
	i := slices.Index(*list, v)
	if i < 0 {
		return false
	}
	*list = slices.Delete(slices.Clone(*list), i, i+1)
	return true
}
