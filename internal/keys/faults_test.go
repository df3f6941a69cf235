package keys_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm/shim"
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
// whole. It tries samples, and every call where BYOK_FAULTS is "all".
func TestCallsFail(t *testing.T) {
	for _, o := range operations {
		t.Run(o.name, func(t *testing.T) {
			n := 0
			log := filepath.Join(t.TempDir(), "calls")
			fresh := func() *rig.Rig {
				t.Setenv("SHIM_AT", "")
				r := rig.NewKeyShimWorld(t)
				o.prepare(t, r)
				return r
			}
			r := fresh()
			rig.OK(t, o.do(t, r, func() { t.Setenv("SHIM_LOG", log) }))
			t.Setenv("SHIM_LOG", "")
			n = len(shim.Calls(t, log))
			tried, survived := 0, 0
			for at, do := range faults(n) {
				tried++
				r := fresh()
				err := o.do(t, r, func() {
					t.Setenv("SHIM_DO", do)
					t.Setenv("SHIM_AT", fmt.Sprint(at))
				})
				t.Setenv("SHIM_AT", "")
				r.People.Paper = r.Paper(t)
				again := err
				if err != nil {
					again = o.do(t, r, func() {})
				}
				if done := exitcode.Of(again) == exitcode.Refused; again != nil && !done {
					t.Errorf("call %d, %s: %v; then %v", at, do, err, again)
					continue
				}
				r.Whole(t)
				survived++
			}
			t.Logf("%d of %d faults survived, of %d calls", survived, tried, n)
		})
	}
}

// faults gives positions among n calls, and what goes wrong there.
func faults(n int) func(yield func(at int, do string) bool) {
	step := max(1, n/9)
	if os.Getenv("BYOK_FAULTS") == "all" {
		step = 1
	}
	return func(yield func(int, string) bool) {
		for at := 1 + step/2; at <= n; at += step {
			for i, do := range []string{"fail=0x30", "fail-after=0x30"} {
				if step > 1 && at/step%2 != i {
					continue // one of the two, in turns
				}
				if !yield(at, do) {
					return
				}
			}
		}
	}
}
