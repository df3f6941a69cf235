package keys_test

import (
	"testing"

	"byok/internal/keys"
	"byok/internal/testkit/rig"
)

// operations are those that change a world with the key "first". arm starts
// counting the token's calls.
var operations = []struct {
	name    string
	prepare func(t *testing.T, r *rig.Rig)
	do      func(t *testing.T, r *rig.Rig, arm func()) error
}{
	{"generate", nothing, func(_ *testing.T, r *rig.Rig, arm func()) error {
		return quorum(r, func(s keys.Quorum) error {
			arm()
			_, err := s.Generate(keys.Generation{Ident: "second", Spec: p256})
			return err
		})
	}},
	{"generate alone", nothing, func(_ *testing.T, r *rig.Rig, arm func()) error {
		return operator(r, func(o keys.Operator) error {
			arm()
			_, err := o.Generate(keys.Generation{Ident: "second", Spec: p256})
			return err
		})
	}},
	{"approve", nothing, func(t *testing.T, r *rig.Rig, arm func()) error {
		transfer := transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First")
		return quorum(r, func(s keys.Quorum) error {
			arm()
			_, err := s.Approve([]keys.Transfer{transfer})
			return err
		})
	}},
	{"restore", retired, func(_ *testing.T, r *rig.Rig, arm func()) error {
		return quorum(r, func(s keys.Quorum) error {
			list, err := keys.Restorables(s.Chain, []string{"first"})
			if err != nil {
				return err
			}
			arm()
			if list, err = s.Missing(list); err != nil {
				return err
			}
			return s.Restore(list)
		})
	}},
	{"freeze", nothing, func(_ *testing.T, r *rig.Rig, arm func()) error {
		return quorum(r, func(s keys.Quorum) error {
			arm()
			_, err := s.Freeze("first")
			return err
		})
	}},
	{"retire", nothing, func(_ *testing.T, r *rig.Rig, arm func()) error {
		return operator(r, func(o keys.Operator) error {
			arm()
			_, err := o.Retire("first")
			return err
		})
	}},
}

func nothing(*testing.T, *rig.Rig) {}

func retired(t *testing.T, r *rig.Rig) {
	_, err := retire(r, "first")
	rig.OK(t, err)
}

// TestCallsFail fails one call of the token in every operation, or loses its
// answer: the same operation must then come to its end, and leave the world
// whole.
func TestCallsFail(t *testing.T) {
	for _, o := range operations {
		t.Run(o.name, func(t *testing.T) {
			rig.CallsFail(t, 6, func() (*rig.Rig, func(arm func()) error) {
				r := rig.NewKeyWorld(t)
				o.prepare(t, r)
				return r, func(arm func()) error { return o.do(t, r, arm) }
			})
		})
	}
}
