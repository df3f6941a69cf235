package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm/shim"
)

// allFaults reports whether every fault is to be tried, and not samples.
func allFaults() bool { return os.Getenv("BYOK_FAULTS") == "all" }

// Step is how far apart faults are that are tried: n, or 1 where BYOK_FAULTS is
// "all".
func Step(n int) int {
	if allFaults() {
		return 1
	}
	return n
}

// CallsFail fails one call of the token in an operation, or loses its answer, in
// a world of its own each time: the same operation must then come to its end,
// or be refused since all was done, and leave the world whole. It tries about
// samples of them, and every call where BYOK_FAULTS is "all". prepare makes a
// world on the shim, and the operation, which arms the fault.
func CallsFail(t *testing.T, samples int, prepare func() (*Rig, func(arm func()) error)) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "calls")
	_, op := prepare()
	OK(t, op(func() { t.Setenv("SHIM_LOG", log) }))
	t.Setenv("SHIM_LOG", "")
	n := len(shim.Calls(t, log))
	step, tried, survived := Step(max(1, n/samples)), 0, 0
	for at := 1 + step/2; at <= n; at += step {
		for i, do := range []string{"fail=0x30", "fail-after=0x30"} {
			if step > 1 && at/step%2 != i {
				continue // one of the two, in turns
			}
			tried++
			if r, op := prepare(); r.survives(t, op, at, do) {
				survived++
			}
		}
	}
	t.Logf("%d of %d faults survived, of %d calls", survived, tried, n)
}

// survives runs an operation with a fault, and again.
func (r *Rig) survives(t *testing.T, op func(arm func()) error, at int, do string) bool {
	t.Helper()
	first := op(func() {
		t.Setenv("SHIM_DO", do)
		t.Setenv("SHIM_AT", fmt.Sprint(at))
	})
	t.Setenv("SHIM_AT", "")
	r.People.Paper = r.Paper(t) // the token may carry no anchor
	if first != nil {
		if again := op(func() {}); again != nil && exitcode.Of(again) != exitcode.Refused {
			t.Errorf("call %d, %s: %v; then %v (hint: %s)", at, do, first, again, exitcode.HintOf(again))
			return false
		}
	}
	r.Whole(t)
	return true
}
