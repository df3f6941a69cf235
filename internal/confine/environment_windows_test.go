package confine

import (
	"slices"
	"testing"
)

// TestEnvironment: names are compared as Windows does.
func TestEnvironment(t *testing.T) {
	given := []string{
		"Path=C:\\", "BYOK_KMDATA=k", "byok_worker=1", "SystemRoot=C:\\windows", "AppData=a", "softhsm2_conf=c",
		"NFAST_KMDATA=n", "=C:=C:\\", "SECRET=1", "GODEBUG=x=1", "LD_PRELOAD=x", "PATHS=x", "CLOUDHSM_PIN=x",
	}
	const kept = 7
	got := Environment(given)
	if !slices.Equal(got, given[:kept]) || !slices.Equal(Environment(got), got) {
		t.Errorf("%q", got)
	}
	if dropped := Dropped(given); dropped != nil {
		t.Errorf("dropped %q", dropped)
	}
}
