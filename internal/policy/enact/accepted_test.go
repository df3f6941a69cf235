package enact

import (
	"testing"

	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// TestPlainCopies
func TestPlainCopies(t *testing.T) {
	r := rig.New(t, 3)
	t.Setenv("SHIM_UNKNOWN", "0x171")
	t.Setenv("SHIM_WEAK", "modifiable")
	t.Setenv("SHIM_COPIES", "plain")
	_, err := world.Create(r.Creation(2))
	t.Log(err)
}
