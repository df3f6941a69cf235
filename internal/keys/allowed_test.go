package keys_test

import (
	"testing"

	"byok/internal/exitcode"
	"byok/internal/keys"
	"byok/internal/testkit/rig"
)

// TestComplete: a package that an earlier run has written whole is known without
// a login; what no quorum approved is refused, and so is another package.
func TestComplete(t *testing.T) {
	r := rig.NewKeyWorld(t)
	request := keys.PackRequest{Ident: "first", SubscriptionID: subscription, Dir: t.TempDir(), Generator: "test"}
	_, err := request.Complete(r.Chain(t))
	r.Refused(t, err, exitcode.Usage, "no quorum approved key_simple_first",
		"byok-offline acl modify --ident first -k KEKPKG -w SWPKG --card DIR …")
	_, err = approve(r, transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First"))
	rig.OK(t, err)
	before, err := request.Complete(r.Chain(t))
	rig.OK(t, err)
	if len(before.Paths) != 0 {
		t.Errorf("nothing was written: %q", before.Paths)
	}
	packed, err := pack(r, "first", "", request.Dir)
	rig.OK(t, err)
	after, err := request.Complete(r.Chain(t))
	rig.OK(t, err)
	if len(after.Paths) != len(packed.Paths) {
		t.Errorf("%q", after.Paths)
	}
	request.SubscriptionID = "00000000-0000-0000-0000-000000000000"
	_, err = request.Complete(r.Chain(t))
	if exitcode.Of(err) != exitcode.Refused {
		t.Errorf("another package: %v", err)
	}
}

// TestAllowed: what is refused before anybody is asked, and what a run that was
// cut short may go on with.
func TestAllowed(t *testing.T) {
	r := rig.NewKeyWorld(t)
	for name, allowed := range map[string]func() error{
		"key-retire": func() error { _, err := keys.Retirable(r.Chain(t), "first"); return err },
		"key-freeze": func() error { _, err := keys.Freezable(r.Chain(t), "first"); return err },
	} {
		rig.OK(t, allowed())
		plant(t, r, name, "first")
		if err := allowed(); exitcode.Of(err) != exitcode.Usage { // a note of another operation's form
			t.Errorf("%s: %v", name, err)
		}
	}
}
