// Package worldcheck compares a world's token with what kmdata says of it, and each
// card with its set.
package worldcheck

import (
	"fmt"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/session"
)

// Outcome is what came of one check.
type Outcome string

// The outcomes. A check that was not made is never a pass; a warning is about
// what can be made again, and harms nothing.
const (
	Pass       Outcome = "pass"
	Warning    Outcome = "warning"
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
	*session.Operator
	rows  []Row
	items []hsm.Item
	index objects
	known map[string][]hsm.Class // by label: one object of each class is this world's
	blind string                 // why objects of this world may be unknown
}

// Progress shows how many keys were checked.
type Progress interface {
	Add(n int64)
	Done()
}

// Token compares the token at hand with what statements and key files say of
// it: the module, its trusted keys and anchor, every key, and every other
// object. The error has status Check if a row is not a pass. watch is told how many
// keys there are; nil shows none.
func Token(o *session.Operator, watch func(keys int) Progress) ([]Row, error) {
	c := &checker{Operator: o, known: map[string][]hsm.Class{}}
	c.statements()
	c.module() // first: the probes remove what an interrupted one has left
	if err := c.look(); err != nil {
		return c.rows, err
	}
	c.anchor()
	c.keys(watch)
	c.copies()
	c.attestations()
	c.files()
	c.strangers()
	return c.rows, Summary(c.rows)
}

// Cards checks each card on its own against the set in force.
func Cards(chain *kmdata.Chain, media []cards.Medium, ui session.UI) []Row {
	if err := cards.CheckPlaces(media, chain.Dir(), chain.Rehearsal()); err != nil {
		return []Row{{"cards", Fail, err.Error()}}
	}
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

// Summary is the error that rows add up to: nil if each is a pass or a warning.
func Summary(rows []Row) error {
	bad := 0
	for _, r := range rows {
		if r.Outcome != Pass && r.Outcome != Warning {
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

func (c *checker) fail(what, format string, args ...any) {
	c.note(what, "", exitcode.Errorf(exitcode.Check, format, args...))
}

func (c *checker) warn(what, format string, args ...any) {
	c.rows = append(c.rows, Row{what, Warning, fmt.Sprintf(format, args...)})
}

func (c *checker) notChecked(what, why string) {
	c.rows = append(c.rows, Row{what, NotChecked, why})
}

// statements says what was verified before the token was looked at.
func (c *checker) statements() {
	last := c.Chain.Last()
	text := fmt.Sprintf("%d verified; the last is %d, %s", len(c.Chain.Entries()), last.Number(), last.Sum.FirstWords(8))
	if g := c.Module.Guard; !session.Anchors(g) {
		text += fmt.Sprintf("; guard %s has no anchor: compare that with the paper", g)
	}
	c.note("statements", text, nil)
	c.note("module", fmt.Sprintf("%s holds the KML that statement %d certifies", c.Module.Token, c.Module.Number), nil)
	for _, behind := range c.Chain.Behind() {
		c.fail("module "+behind.Token.String(), "it is still open to the old cards")
	}
}
