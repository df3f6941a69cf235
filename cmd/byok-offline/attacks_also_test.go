package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
)

// The states that have what a deed takes, in the order of [stateNames].
var (
	onAnyToken    = []string{created, generated, modified, packaged, recovered, restored, replaced, adopted}
	withKeys      = []string{generated, modified, packaged, restored, replaced}
	withEC        = append(slices.Clone(withKeys), adopted)
	withTransfers = []string{modified, packaged}
)

// in says where deeds can be tried, unless they say it themselves.
func in(states []string, list ...deed) []deed {
	for i, d := range list {
		if d.also == nil {
			d.also = states
		}
		list[i].also = but(d.also, d.state)
	}
	return list
}

// only is the deed that no other state has what it takes for.
func (d deed) only() deed {
	d.also = []string{}
	return d
}

// but leaves states out.
func but(states []string, without ...string) []string {
	return slices.DeleteFunc(slices.Clone(states), func(state string) bool { return slices.Contains(without, state) })
}

// tryElsewhere tries each deed in one of the other states in turn, or with
// BYOK_FAULTS=all in each.
func (d deeds) tryElsewhere(t *testing.T) {
	tried, all := 0, 0
	for i, one := range d.list {
		all += len(one.also)
		for j, state := range one.also {
			if !everyFault() && i%len(one.also) != j {
				continue
			}
			tried++
			t.Run(one.name+", "+state, func(t *testing.T) { one.tryIn(t, state) })
		}
	}
	t.Logf("deeds tried in another state: %d of %d", tried, all)
}

// tryIn does the deed in another state: it ends as in its own, or with status 3
// or 6; one line names what is wrong, and nothing is changed or wrapped.
func (d deed) tryIn(t *testing.T, state string) {
	s := inState(t, state)
	line := d.then
	if d.cards != "" {
		line = "ceremony seal" + withPINs + flagsOf("", d.cards) + " $LAST"
	}
	line = strings.ReplaceAll(line, "--out out", "--out spare") // in out may be the genuine package
	line = strings.ReplaceAll(line, theQuorum, withPINs+flagsOf("", reachOf(t, state).cards))
	line = s.filled(t, line)
	if d.do != nil {
		d.do(t, s)
	}
	before := s.holdings(t, d.pin)
	out := s.patiently(t, line)
	got := s.answers(out, d.want)
	if out.status == exitcode.Done {
		if got != d.want {
			t.Errorf("%s\n got %s\nwant %s\n%s", line, got, d.want, out.text)
		}
		return
	}
	own, _, _ := strings.Cut(d.want, ":")
	refused := out.status == exitcode.Check || out.status == exitcode.Refused || fmt.Sprint(int(out.status)) == own
	if !refused || strings.HasSuffix(got, ": nothing") || len(out.errors) != 1 {
		t.Errorf("%s\n got %s\nlike %s\n%s", line, got, d.want, out.text)
	}
	if changed := differences(s.holdings(t, d.pin), before); len(changed) > 0 {
		t.Errorf("refused, and changed: %q", changed)
	}
}

// othersCell is a cell of the page.
func (d deed) othersCell() string {
	switch len(d.also) {
	case 0:
		return "-"
	case len(onAnyToken) - 1:
		return "all"
	}
	return strings.Join(d.also, ", ")
}

// toLast does something to the last statement, whichever that is.
func toLast(do func(path string) func(*testing.T, *stage)) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		path := mustDo(filepath.Rel(s.dir, s.chain(t).Last().Path))(t)
		do(path)(t, s)
	}
}

// holding are the states whose kmdata has the statement.
func holding(path string) []string {
	switch path {
	case worldStatement, moduleState:
		return onAnyToken
	case originState:
		return append(slices.Clone(withKeys), recovered)
	}
	return withTransfers
}

// where is a state that is left out on a condition.
func where(condition bool, state string) []string {
	if !condition {
		return nil
	}
	return []string{state}
}

func droppingOne(path string) func(*testing.T, *stage) { return dropping(path) }

func overwritingWith(text string) func(path string) func(*testing.T, *stage) {
	return func(path string) func(*testing.T, *stage) { return overwriting(path, text) }
}
