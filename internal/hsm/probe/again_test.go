package probe

import (
	"fmt"
	"testing"

	"byok/internal/hsm/wrapping"
)

// TestWrappingAgain has one mechanism of backups and packages at a time forget
// WRAP_WITH_TRUSTED, in a session that tries no others.
func TestWrappingAgain(t *testing.T) {
	r := newRig(t)
	listed, tried := must[map[uint]bool](t)(r.listed()), 0
	pair := r.pair(t, kind(t, "P-256"))
	for _, w := range wrapping.Table {
		if m := w.Number(); listed[m] && w.Travels {
			tried++
			t.Setenv("SHIM_UNTRUSTED_WRAP", fmt.Sprintf("0x%x", m))
			if err := r.WrapWithTrustedAgain(pair); err == nil {
				t.Errorf("%s is not seen", w.Name)
			}
		}
	}
	if tried != 2 {
		t.Errorf("%d mechanisms tried", tried)
	}
}
