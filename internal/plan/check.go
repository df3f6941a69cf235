package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Finding is something in a plan that cannot be.
type Finding struct {
	Line  int    `json:"line"`  // of the field; of what it is missing in; 0 for the file
	Field string `json:"field"` // path, such as keys[2].type: lists count from 1
	Says  string `json:"says"`
}

// String is the finding in one line.
func (f Finding) String() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s", f.Field, f.Says)
	}
	return fmt.Sprintf("line %d: %s: %s", f.Line, f.Field, f.Says)
}

// Check lists everything in a plan that cannot be, in the order of the rules,
// as things are on a day. It opens nothing but the plan. A plan without findings
// can be held.
func (p *Plan) Check(today time.Time) []Finding {
	return p.hold(today, slices.Concat(rules, []func(*checking){(*checking).date}))
}

// CheckHeld is Check for a ceremony that has begun: its day may be past.
func (p *Plan) CheckHeld(today time.Time) []Finding { return p.hold(today, rules) }

func (p *Plan) hold(today time.Time, rules []func(*checking)) []Finding {
	c := &checking{Plan: p, today: today.UTC().Truncate(24 * time.Hour)}
	for _, rule := range rules {
		rule(c)
	}
	return c.found
}

// rules are what a plan is held to whatever day it is.
var rules = []func(*checking){
	(*checking).head,
	(*checking).people,
	(*checking).cards,
	(*checking).module,
	(*checking).image,
	(*checking).kit,
	(*checking).destinations,
	(*checking).keys,
	(*checking).names,
}

// checking is a check under way.
type checking struct {
	*Plan
	today time.Time
	found []Finding
}

// add notes a finding in a field.
func (c *checking) add(field, format string, args ...any) {
	c.found = append(c.found, Finding{c.line(field), field, fmt.Sprintf(format, args...)})
}

// line is where a field stands, or the nearest one around it that is there.
func (c *checking) line(field string) int {
	for at := field; at != ""; at = at[:max(0, strings.LastIndexAny(at, ".["))] {
		if line, found := c.lines[at]; found {
			return line
		}
	}
	return 0
}

// fail notes an error in a field, if there is one, and reports whether there was.
func (c *checking) fail(field string, err error) bool {
	if err != nil {
		c.add(field, "%s", err)
	}
	return err != nil
}
