package enact

import (
	"errors"
	"strings"
	"testing"

	"byok/internal/hsm/probe"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// TestRefusesPlainCopies: no world is created on a module where a trusted key
// can be copied as it is. The search found that one was.
func TestRefusesPlainCopies(t *testing.T) {
	r := rig.New(t, 3)
	t.Setenv("SHIM_UNKNOWN", "0x171")
	t.Setenv("SHIM_WEAK", "modifiable")
	t.Setenv("SHIM_COPIES", "plain")
	_, err := world.Create(r.Creation(2))
	const want = "KM can be copied to the session, where the copy is trusted as well and outlives it"
	if !errors.Is(err, probe.ErrNotEnforced) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v, want: … %s", err, want)
	}
}
