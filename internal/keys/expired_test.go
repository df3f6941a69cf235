package keys_test

import (
	"regexp"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/testkit/rig"
)

var expiry = regexp.MustCompile(`^first: the KEK https://localhost:8443/keys/KEK2/(0a){16} expired at 20\S+Z$`)

// TestExpiredMeanwhile has one of several KEKs expire after it was accepted: its key is
// refused by name, and nothing is signed.
func TestExpiredMeanwhile(t *testing.T) {
	r := rig.NewKeyWorld(t)
	before := r.Chain(t).Last().Number()
	_, err := approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First"),
		transferOf(t, r, rig.NewExpiredKEK(t, "KEK2"), "first", "Second"))
	const hint = "byok-online kek create makes another, whose packages come in the place of its own"
	if err == nil || !expiry.MatchString(err.Error()) || exitcode.Of(err) != exitcode.Check || exitcode.HintOf(err) != hint {
		t.Errorf("%v, hint %q", err, exitcode.HintOf(err))
	}
	if copies, err := r.Chain(t).Copies("first"); err != nil || len(copies) != 0 || r.Chain(t).Last().Number() != before {
		t.Errorf("%v, %v, statement %d", copies, err, r.Chain(t).Last().Number())
	}
}
