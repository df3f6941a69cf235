package vault

import (
	"context"
	"testing"

	"byok/internal/exitcode"
)

// TestHeld looks, and sends nothing: the script of requests has no import.
func TestHeld(t *testing.T) {
	p := kinds()["P-256"]
	forced := p
	forced.ForceNewVersion = true
	made := p.stored(version1)
	for _, c := range []struct {
		name  string
		p     Import
		steps []step
		found bool
	}{
		{"it is there", p, p.found(made), true},
		{"it is not", p, []step{{listVersions, missing}}, false},
		{"a new version is to be made", forced, p.found(made), false},
	} {
		client, _ := newScript(t, c.steps...).client()
		got, found, err := client.Held(context.Background(), c.p)
		if err != nil || found != c.found || got.Already != c.found {
			t.Errorf("%s: %+v, %v, %v", c.name, got, found, err)
		}
	}
	p.Ops = nil
	client, _ := newScript(t).client()
	_, _, err := client.Held(context.Background(), p)
	if exitcode.Of(err) != exitcode.Usage || err.Error() != "import key contoso: no key operations" {
		t.Error(err)
	}
}
