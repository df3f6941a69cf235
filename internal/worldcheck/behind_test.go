package worldcheck_test

import (
	"slices"
	"testing"

	"byok/internal/session"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// TestBehind: a module that a replacement did not reach is held to nothing
// until it has. What it holds of the earlier set is not a stranger.
func TestBehind(t *testing.T) {
	r := rig.NewKeyWorld(t)
	r.People.Paper = r.Paper(t)
	first := r.Plugged(t)[0]
	_, err := world.Recover(r.Recovery("second"))
	rig.OK(t, err)
	second := r.Plugged(t)[slices.IndexFunc(r.Plugged(t), func(n string) bool { return n != first })]
	r.Unplug(t, first)
	r.Finds(t, "key_simple_first", "pass: another module of the world has it")
	r.Whole(t)
	r.Unplug(t, second)
	r.Plug(t, first)
	replaceCards(t, r)
	r.Finds(t, "module "+r.Chain(t).Modules()[1].Token.String(), "FAIL: it is still open to the old cards")
	r.Unplug(t, first)
	r.Plug(t, second)
	for _, what := range []string{"trusted objects", "guard", "anchor", "other objects"} {
		r.Finds(t, what, "not checked: the card replacement has not reached the module")
	}
}

func replaceCards(t *testing.T, r *rig.Rig) {
	t.Helper()
	old := r.NewCards(t, 3)
	station, err := r.Connect()
	rig.OK(t, err)
	defer station.Close()
	s, err := session.Begin(r.Access(), station, old[:2])
	rig.OK(t, err)
	defer s.Close()
	rig.OK(t, world.Quorum{Quorum: s}.ReplaceCards(world.Replacement{
		CardOrder: r.Order(2), NewUI: r.People, Old: old[:2], OldUI: r.People,
	}))
}
