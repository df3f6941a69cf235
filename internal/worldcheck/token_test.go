package worldcheck_test

import (
	"slices"
	"strings"
	"testing"

	"byok/internal/keys"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/world"
	"byok/internal/worldcheck"
)

// TestTrustedObjects says what the token lacks.
func TestTrustedObjects(t *testing.T) {
	r := attacked(t, func(r *rig.Rig, a *rig.Attacker) {
		a.Remove(statement.KMLabel(r.Chain(t).Modules()[0].Module, 1))
	})
	r.Finds(t, "trusted objects", `FAIL: token "test world" (serial SERIAL) lacks byok-km-MODULE-1`)
	r.Finds(t, "guard", `FAIL: KM is frozen: byok-km-MODULE-1 is not on the token "test world" (serial SERIAL)`)
}

// TestGuard says what the token does not enforce.
func TestGuard(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		t.Setenv("SHIM_TRUST", "C_CreateObject")
		rows, _ := worldcheck.Token(o, nil)
		t.Setenv("SHIM_TRUST", "")
		i := slices.IndexFunc(rows, func(row worldcheck.Row) bool { return row.What == "guard" })
		want := `the user makes no trusted key: token "test world" (serial SERIAL) does not enforce its restrictions: ` +
			"the user can make an AES key trusted with C_CreateObject, as a session object"
		if rows[i].Outcome != worldcheck.Fail || r.Plain(rows[i].Detail) != want {
			t.Errorf("%+v", rows[i])
		}
		return nil
	}))
}

// TestAttackUntrustedAnchor: an object of the user's is not an anchor, whatever its
// label says.
func TestAttackUntrustedAnchor(t *testing.T) {
	r := attacked(t, func(r *rig.Rig, a *rig.Attacker) {
		a.Pair(session.Anchor{Number: 99, Sum: r.Chain(t).Last().Sum}.Label(), 9)
	})
	rows, _ := r.Rows(t)
	var anchors []string
	for _, row := range rows {
		if row.What == "anchor" {
			anchors = append(anchors, string(row.Outcome)+": "+row.Detail)
		}
	}
	if !slices.Equal(anchors, []string{"pass: the token knows statement 3"}) {
		t.Errorf("%q", anchors)
	}
	i := slices.IndexFunc(rows, func(row worldcheck.Row) bool { return row.What == "other objects" })
	if rows[i].Outcome != worldcheck.Fail || !strings.Contains(rows[i].Detail, `public key "byok-anchor-000099-`) {
		t.Errorf("%+v", rows[i])
	}
}

// TestElsewhere: a key is elsewhere only while its module is in force, and only
// where no statement says that it is on this one.
func TestElsewhere(t *testing.T) {
	r := rig.NewKeyWorld(t)
	r.People.Paper = r.Paper(t)
	first, old := r.Plugged(t)[0], r.Chain(t).Modules()[0].Module
	r.Unplug(t, first)
	_, err := world.Recover(r.Recovery(r.Label))
	rig.OK(t, err)
	r.Finds(t, "key_simple_first", "pass: another module of the world has it")
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		list, err := keys.Restorables(s.Chain, []string{"first"})
		rig.OK(t, err)
		return keys.Quorum{Quorum: s}.Restore(list)
	}))
	r.Finds(t, "key_simple_first", "pass: P-256; origin quorum: generated with the card holders present (restored)")
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Remove("key_simple_first") })
	const gone = `FAIL: key_simple_first is not on the token "test world" (serial SERIAL)`
	r.Finds(t, "key_simple_first", gone)
	again := rig.NewKeyWorld(t)
	again.People.Paper = again.Paper(t)
	old = again.Chain(t).Modules()[0].Module
	again.Unplug(t, again.Plugged(t)[0])
	_, err = world.Recover(again.Recovery(again.Label))
	rig.OK(t, err)
	rig.OK(t, again.Quorum(func(s *session.Quorum) error {
		return world.Quorum{Quorum: s}.StrikeOff(old, "the HSM burnt")
	}))
	again.Finds(t, "key_simple_first", gone)
}
