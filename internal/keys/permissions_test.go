package keys_test

import (
	"slices"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/keys"
	"byok/internal/testkit/rig"
)

// TestPermissions reads what a key may do now, and what was recorded.
func TestPermissions(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, operator(r, func(o keys.Operator) error {
		live, recorded, err := o.Permissions("first")
		if err != nil || !slices.Equal(live, recorded) || !slices.Contains(live, "WRAP_WITH_TRUSTED") {
			t.Errorf("%v %q %q", err, live, recorded)
		}
		_, _, err = o.Permissions("none")
		r.Refused(t, err, exitcode.Usage, "DIR/local/key_simple_none: there is no such key in this world",
			"byok-offline key generate --ident none")
		return nil
	}))
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		a.Relabel("key_simple_first", "hidden")
	})
	rig.OK(t, operator(r, func(o keys.Operator) error {
		_, _, err := o.Permissions("first")
		r.Refused(t, err, exitcode.HSM, `key_simple_first is not on the token "test world" (serial SERIAL)`, "")
		return nil
	}))
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Pair("key_simple_first", 5) })
	rig.OK(t, operator(r, func(o keys.Operator) error {
		_, _, err := o.Permissions("first")
		r.Refused(t, err, exitcode.Check,
			`key_simple_first on token "test world" (serial SERIAL) is not the key that its public key describes`, "")
		return nil
	}))
}
