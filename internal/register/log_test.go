package register

import (
	"testing"

	"byok/internal/ceremony"
	"byok/internal/stamp"
	"byok/internal/testkit/rig"
)

// TestOneKeyInTwoWorlds: the same value under the same name in another world is
// another key of the register, since another quorum answers for it.
func TestOneKeyInTwoWorlds(t *testing.T) {
	h, other := hold(t), hold(t)
	h.key(t, "payroll", "P-256")
	_, err := other.Generate("payroll", h.keys["payroll"])
	rig.OK(t, err)
	other.keys["payroll"] = h.keys["payroll"]
	h.approve(t, "payroll", "Payroll")
	other.approve(t, "payroll", "Payroll")
	r := Of(Sources{Packages: append(h.Packages, other.Packages...)})
	if len(r.Keys) != 2 || r.Keys[0].World == r.Keys[1].World {
		t.Errorf("%+v", r)
	}
}

// TestKnownKEK: the log tells a KEK that was there from a name that was mistyped.
func TestKnownKEK(t *testing.T) {
	h := hold(t)
	for _, note := range []string{NoteKEK, NoteClosed, NoteGone, "key"} {
		h.Log = nil
		h.logged(stamp.Now(), "kek create", note, version("KEK", 1).String())
		if got := KnownKEK(h.Log, vaultURL, "kek"); got != (note != "key") {
			t.Errorf("%s: %t", note, got)
		}
		if KnownKEK(h.Log, vaultURL, "kek2") || KnownKEK(h.Log, "https://other.vault.azure.net", "kek") {
			t.Errorf("%s: another KEK is known", note)
		}
	}
	h.Log[0].Phase = ceremony.Begin
	h.Log[0].AddNote(NoteKEK, version("KEK", 1).String())
	if KnownKEK(h.Log, vaultURL, "KEK") {
		t.Error("a command that only began")
	}
}
