package keys_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

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
