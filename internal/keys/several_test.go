package keys_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keys"
	"byok/internal/testkit/rig"
)

func generations(kinds ...string) (list []keys.Generation) {
	for i, kind := range kinds {
		list = append(list, keys.Generation{Ident: "key" + string(rune('1'+i)), Spec: hsm.Spec{Kind: mustKind(kind)}})
	}
	return list
}

// generateAll makes keys in one session, and says which.
func generateAll(r *rig.Rig, list []keys.Generation) (made []string, err error) {
	err = quorum(r, func(s keys.Quorum) error {
		return s.GenerateAll(list, func(g keys.Generation) { made = append(made, g.Ident) })
	})
	return made, err
}

// TestGenerateAll makes keys of each type in one session, of which the paper gets
// the last statement alone.
func TestGenerateAll(t *testing.T) {
	r := rig.NewKeyWorld(t)
	list := generations("P-256", "RSA-2048", "AES-256")
	made, err := generateAll(r, list)
	rig.OK(t, err)
	if want := []string{"key1", "key2", "key3"}; !slices.Equal(made, want) {
		t.Error(made)
	}
	said := 0
	for _, line := range r.People.Said {
		if strings.Contains(line, "write down: ") {
			said++
		}
	}
	if said != 1 || r.Chain(t).Last().Number() < 4 {
		t.Errorf("%d statements were shown, and the last is %d", said, r.Chain(t).Last().Number())
	}
	for _, g := range list {
		if done, err := g.Made(r.Chain(t)); !done || err != nil {
			t.Errorf("%s: %t, %v", g.Ident, done, err)
		}
	}
	r.Whole(t)
}

// TestGenerateAllCutShort keeps what was made before an error, and another session
// goes on.
func TestGenerateAllCutShort(t *testing.T) {
	r := rig.NewKeyWorld(t)
	list := generations("P-256", "P-256", "P-256")
	stop := errors.New("the power fails")
	err := quorum(r, func(s keys.Quorum) error {
		n := 0
		defer func() { _ = recover() }()
		return s.GenerateAll(list, func(keys.Generation) {
			if n++; n == 2 {
				panic(stop)
			}
		})
	})
	rig.OK(t, err)
	r.People = rig.NewPeople(3)
	r.People.Paper = r.Paper(t) // the token carries no anchor
	var left []keys.Generation
	for _, g := range list {
		done, err := g.Made(r.Chain(t))
		rig.OK(t, err)
		if !done {
			left = append(left, g)
		}
	}
	made, err := generateAll(r, left)
	rig.OK(t, err)
	if !slices.Equal(made, []string{"key3"}) {
		t.Error(made)
	}
	r.Whole(t)
}

// TestGenerateAllTaken: of a row of which a label is taken, the keys before it are
// made; the token holds nothing of the others.
func TestGenerateAllTaken(t *testing.T) {
	for _, jobs := range []int{1, 2, 9} {
		r := rig.NewKeyWorld(t)
		r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Secret("key_simple_key2", make([]byte, 16)) })
		var made []string
		err := quorum(r, func(s keys.Quorum) error {
			s.Jobs = jobs
			list := generations("P-256", "P-256", "AES-256")
			return s.GenerateAll(list, func(g keys.Generation) { made = append(made, g.Ident) })
		})
		r.Refused(t, err, exitcode.Refused,
			`key2: token "test world" (serial SERIAL) holds a key labelled key_simple_key2 already`,
			"byok-offline world check says whether this world made it")
		if !slices.Equal(made, []string{"key1"}) {
			t.Errorf("%d jobs: made %q", jobs, made)
		}
		r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
			if found := a.Find("key_simple_key3"); len(found) > 0 {
				t.Errorf("%d jobs: %d objects of key3 are on the token", jobs, len(found))
			}
		})
	}
}
