package tokens

import (
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/testkit/softhsm"
)

// TestNames: each way to call a token, and that it is the token called.
func TestNames(t *testing.T) {
	r := newRig(t)
	free := must[Token](t)(r.Free())
	for _, c := range []struct {
		name, text string
		want       Token
	}{
		{"serial", r.token.Serial, r.token},
		{"padded serial", r.token.Serial + "  ", r.token},
		{"label", "label:token", r.token},
		{"padded label", "label: token ", r.token},
		{"slot", fmt.Sprintf("slot:%d", r.token.Slot), r.token},
		{"free slot", fmt.Sprintf("slot:%d", free.Slot), free},
		{"URI, label", "pkcs11:token=token", r.token},
		{"URI, padded label", "pkcs11:token=token%20%20", r.token},
		{"URI, everything", fmt.Sprintf("pkcs11:token=token;manufacturer=SoftHSM%%20project;model=SoftHSM%%20v2;serial=%s;"+
			"slot-id=%d", r.token.Serial, r.token.Slot), r.token},
		{"URI, without a serial", fmt.Sprintf("pkcs11:serial=;slot-id=%d", free.Slot), free},
		{"none", "", Token{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := ParseName(c.text)
			if c.text == "" {
				expect(t, err, failure{"the name of a token is empty", exitcode.Usage,
					"name one without a serial number by its slot, such as slot:1"})
				return
			}
			ok(t, err)
			if got := must[Token](t)(r.Named(n)); got.Slot != c.want.Slot || n.IsZero() || !n.Fits(got) {
				t.Errorf("%s is %v", n, got)
			}
		})
	}
	if n := (Name{}); !n.IsZero() || !n.Fits(free) {
		t.Error("the zero value calls a token")
	}
}

func TestNamesRefused(t *testing.T) {
	for _, c := range []struct{ text, want, hint string }{
		{"slot:one", `token "slot:one": expected a number behind slot:`, "byok-offline module list shows the slots"},
		{"slot:-1", `token "slot:-1": expected a number behind slot:`, "byok-offline module list shows the slots"},
		{"pkcs11:token=%zz", "PKCS#11 URI: token: a % is not followed by two hex digits",
			"such as pkcs11:token=LABEL;serial=SERIAL, in quotes; byok-offline module list shows the tokens"},
	} {
		_, err := ParseName(c.text)
		expect(t, err, failure{c.want, exitcode.Usage, c.hint})
		_, err = Slots{}.Token(c.text)
		expect(t, err, failure{c.want, exitcode.Usage, c.hint})
	}
}

// TestDoubledSerials: two tokens of one serial number, one label, or both.
func TestDoubledSerials(t *testing.T) {
	r := newRig(t)
	ok(t, r.p.CloseSession(r.h))
	second := must[Token](t)(r.Initialise(must[Token](t)(r.Free()), pin(softhsm.SOPIN), "second"))
	slots := fmt.Sprintf("name one by its slot: slot:%d or slot:%d", r.token.Slot, second.Slot)
	for _, serial := range []string{"7", "none"} {
		t.Run(serial, func(t *testing.T) {
			t.Setenv("SHIM_SERIAL", serial)
			for _, want := range []Token{r.token, second} {
				got := must[Token](t)(r.Token("label:" + want.Label))
				if by := must[Token](t)(r.Token(got.URI())); by != got {
					t.Errorf("%s is %v", got.URI(), by)
				}
				if got.Slot != want.Slot {
					t.Errorf("%v is in slot %d, not %d", got, got.Slot, want.Slot)
				}
				moved := got
				moved.Slot = 7777
				if again := must[Token](t)(r.Again(moved)); again.Slot != want.Slot {
					t.Errorf("%v is found again in slot %d", got, again.Slot)
				}
			}
		})
	}
	t.Setenv("SHIM_SERIAL", "7")
	_, err := r.Token("7")
	expect(t, err, failure{"2 tokens with serial 7 in " + r.path + ": one cannot be distinguished from the other",
		exitcode.HSM, slots})
	_, err = r.Token("pkcs11:serial=7")
	expect(t, err, failure{"2 tokens pkcs11:serial=7 in " + r.path + ": one cannot be distinguished from the other",
		exitcode.HSM, slots})
	t.Setenv("SHIM_SERIAL", "none")
	_, err = r.Again(Token{Slot: 7777, Label: "another"})
	expect(t, err, failure{`no token labelled "another" without a serial number in ` + r.path, exitcode.HSM, r.notFound()})
	_, err = r.Again(Token{Slot: 7777, Serial: "8"})
	expect(t, err, failure{"no token with serial 8 in " + r.path, exitcode.HSM, r.notFound()})
}

// TestGhost: a slot that is listed and has no token that is recognised, first or
// last, is a line of the list and stands in the way of nothing.
func TestGhost(t *testing.T) {
	r := newRig(t)
	for code, name := range map[uint]string{
		pkcs11.CKR_TOKEN_NOT_PRESENT: "CKR_TOKEN_NOT_PRESENT", pkcs11.CKR_TOKEN_NOT_RECOGNIZED: "CKR_TOKEN_NOT_RECOGNIZED",
	} {
		for _, last := range []string{"", "1"} {
			t.Setenv("SHIM_GHOST", fmt.Sprint(code))
			t.Setenv("SHIM_GHOST_LAST", last)
			all := must[[]Token](t)(r.Tokens())
			at := 0
			if last != "" {
				at = len(all) - 1
			}
			if len(all) != 3 || all[at] != (Token{Slot: 7777, Fault: name}) {
				t.Errorf("%+v", all)
			}
			must[Token](t)(r.Token(r.token.Serial))
			must[Token](t)(r.Free())
			must[Token](t)(r.Again(r.token))
			n := must[Name](t)(ParseName("slot:7777"))
			_, err := r.Named(n)
			expect(t, err, failure{
				fmt.Sprintf("no token in slot 7777 in %s; slot 7777 does not answer (%s)", r.path, name), exitcode.HSM, r.notFound(),
			})
		}
	}
	t.Setenv("SHIM_NO_SLOTS", "1")
	_, err := r.Free()
	expect(t, err, failure{"no token in " + r.path, exitcode.HSM,
		"add an empty partition or token with the vendor's tool, then run the command again"})
}

// TestNULPadded: labels and serial numbers that are padded with NULs are the
// same as with blanks.
func TestNULPadded(t *testing.T) {
	r := newRig(t)
	t.Setenv("SHIM_SERIAL", "ABC")
	t.Setenv("SHIM_NUL_PADDED", "1")
	got := must[Token](t)(r.Token("ABC"))
	if got.Serial != "ABC" || got.Label != label {
		t.Errorf("%q, %q", got.Serial, got.Label)
	}
}
