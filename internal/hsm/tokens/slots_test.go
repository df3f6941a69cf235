package tokens

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/p11"
	"byok/internal/testkit/softhsm"
)

func TestToken(t *testing.T) {
	r := newRig(t)
	found := must[Token](t)(r.Token(r.token.Serial))
	want := Token{
		Slot: found.Slot, Label: label, Manufacturer: "SoftHSM project", Model: "SoftHSM v2", Serial: r.token.Serial,
		Firmware: "2.6", Initialised: true, flags: found.flags, minPIN: 4, maxPIN: 255, sessions: found.sessions,
	}
	if found != want || !found.HasUserPIN() {
		t.Errorf("found %+v", found)
	}
	_, err := r.Token("0123456789abcdef")
	expect(t, err, failure{"no token with serial 0123456789abcdef in " + r.path, exitcode.HSM, r.notFound()})
	if all := must[[]Token](t)(r.Tokens()); len(all) != 2 || all[1].Initialised {
		t.Errorf("tokens %+v", all)
	}
	if free := must[Token](t)(r.Free()); free.Initialised || free.Slot == found.Slot {
		t.Errorf("free is %+v", free)
	}
	if labelled := must[[]Token](t)(r.Labelled("another")); len(labelled) != 0 {
		t.Errorf("labelled %+v", labelled)
	}
}

// TestTokenNames: a token without a serial number goes by its label.
func TestTokenNames(t *testing.T) {
	for _, c := range []struct {
		token    Token
		id, text string
	}{
		{Token{Label: "a", Serial: "01"}, "01", `token "a" (serial 01)`},
		{Token{Label: "a"}, "label:a", `token "a" (without a serial number)`},
	} {
		if c.token.ID() != c.id || c.token.String() != c.text {
			t.Errorf("%s, %s", c.token.ID(), c.token)
		}
	}
	r := newRig(t)
	_, err := r.Token("label:a")
	expect(t, err, failure{
		fmt.Sprintf(`no token labelled "a" in %s`, r.path), exitcode.HSM, r.notFound(),
	})
}

// TestDeadSlot: one slot that does not answer hides no other.
func TestDeadSlot(t *testing.T) {
	r := newRig(t)
	r.fails(t, "C_GetTokenInfo", 2, pkcs11.CKR_DEVICE_ERROR) // of the free slot, which comes second
	if all := must[[]Token](t)(r.Tokens()); len(all) != 2 || all[1].Fault != "CKR_DEVICE_ERROR" || all[0].Fault != "" {
		t.Errorf("tokens %+v", all)
	}
	r.fails(t, "C_GetTokenInfo", 2, pkcs11.CKR_DEVICE_ERROR)
	must[Token](t)(r.Token(r.token.Serial))
	r.fails(t, "C_GetTokenInfo", 2, pkcs11.CKR_DEVICE_ERROR)
	_, err := r.Free()
	expect(t, err, failure{
		fmt.Sprintf("no free slot in %s: every token there is initialised; slot 1 does not answer "+
			"(CKR_DEVICE_ERROR)", r.path),
		exitcode.HSM, "add an empty partition or token with the vendor's tool, then run the command again",
	})
	r.fails(t, "C_GetTokenInfo", 1, pkcs11.CKR_DEVICE_ERROR)
	_, err = r.Token(r.token.Serial)
	expect(t, err, failure{
		fmt.Sprintf("no token with serial %s in %s; slot %d does not answer "+
			"(CKR_DEVICE_ERROR)", r.token.Serial, r.path, r.token.Slot),
		exitcode.HSM, r.notFound(),
	})
}

func TestCallsFail(t *testing.T) {
	r := newRig(t)
	list := failure{"C_GetSlotList of " + r.path + ": CKR_DEVICE_ERROR", exitcode.HSM, ""}
	r.fails(t, "C_GetSlotList", 1, pkcs11.CKR_DEVICE_ERROR)
	_, err := r.Free()
	expect(t, err, list)
	r.fails(t, "C_GetSlotList", 1, pkcs11.CKR_DEVICE_ERROR)
	_, err = r.Token(r.token.Serial)
	expect(t, err, list)
	r.fails(t, "C_InitToken", 1, pkcs11.CKR_DEVICE_MEMORY)
	_, err = r.Initialise(r.token, pin(softhsm.SOPIN), label)
	full := fmt.Sprintf(`C_InitToken on slot %d for "token": CKR_DEVICE_MEMORY`, r.token.Slot)
	expect(t, err, failure{full, exitcode.HSM, p11.MoreRoom})
	r.fails(t, "C_InitToken", 1, pkcs11.CKR_USER_NOT_LOGGED_IN)
	_, err = r.Initialise(r.token, pin(softhsm.SOPIN), label)
	expect(t, err, failure{fmt.Sprintf(`C_InitToken on slot %d for "token": CKR_USER_NOT_LOGGED_IN`, r.token.Slot),
		exitcode.HSM, "log the HSM's administrator in with the vendor's tool, and run the command again; " +
			"or initialise the token with it, and name that with --adopt"})
	r.fails(t, "C_GetSlotList", 1, pkcs11.CKR_DEVICE_ERROR)
	ok(t, r.p.CloseSession(r.h))
	_, err = r.Initialise(r.token, pin(softhsm.SOPIN), label)
	expect(t, err, list)
}

// TestInitialise: a token is found again although another has its label.
func TestInitialise(t *testing.T) {
	r := newRig(t)
	ok(t, r.p.CloseSession(r.h))
	_, err := r.Initialise(r.token, pin("another SO PIN"), label)
	expect(t, err,
		failure{fmt.Sprintf(`C_InitToken on slot %d for "token": CKR_PIN_INCORRECT`, r.token.Slot), exitcode.HSM, ""})
	r.token = must[Token](t)(r.Initialise(r.token, pin(softhsm.SOPIN), label))
	second := must[Token](t)(r.Initialise(must[Token](t)(r.Free()), pin(softhsm.SOPIN), label))
	if second.Serial == r.token.Serial {
		t.Errorf("%v twice", second)
	}
	if again := must[Token](t)(r.Initialise(r.token, pin(softhsm.SOPIN), label)); again.ID() == second.ID() {
		t.Errorf("%v is the other", again)
	}
	t.Setenv("SHIM_SERIAL", "1")
	_, err = r.Initialise(must[Token](t)(r.Free()), pin(softhsm.SOPIN), label)
	expect(t, err, failure{`after C_InitToken 3 tokens are labelled "token" instead of one`, exitcode.HSM, ""})
}

// TestInitialiseLosesTheToken: NSS softoken accepts C_InitToken and shows no
// token afterwards.
func TestInitialiseLosesTheToken(t *testing.T) {
	r := newRig(t)
	free := must[Token](t)(r.Free())
	t.Setenv("SHIM_DO", "fail=0x0")
	t.Setenv("SHIM_AT", "C_InitToken")
	_, err := r.Initialise(free, pin(softhsm.SOPIN), "new")
	expect(t, err, failure{
		fmt.Sprintf(`C_InitToken on slot %d was accepted, but afterwards no initialised token is labelled "new"`,
			free.Slot),
		exitcode.HSM, "use another module; byok-offline module check --module-path " + r.path + " says what this one lacks",
	})
}

func TestCheckMechanisms(t *testing.T) {
	r := newRig(t)
	free := must[Token](t)(r.Free())
	for _, known := range []Token{r.token, free} {
		ok(t, r.CheckMechanisms(known))
	}
	r.fails(t, "C_GetMechanismList", 1, pkcs11.CKR_DEVICE_ERROR)
	expect(t, r.CheckMechanisms(free),
		failure{fmt.Sprintf("C_GetMechanismList of slot %d: CKR_DEVICE_ERROR", free.Slot), exitcode.HSM, ""})
	r.fails(t, "C_GetSlotList", 1, pkcs11.CKR_DEVICE_ERROR)
	gone := r.token
	gone.Slot = free.Slot
	expect(t, r.CheckMechanisms(gone),
		failure{"C_GetSlotList of " + r.path + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
	t.Setenv("SHIM_HIDE_MECHANISMS", "0x9,0x1041,0x1080")
	expect(t, r.CheckMechanisms(free), failure{
		fmt.Sprintf("the token in slot %d does not offer CKM_ECDSA, CKM_AES_KEY_GEN, CKM_RSA_PKCS_OAEP, which "+
			"the ceremony needs", free.Slot),
		exitcode.HSM, "byok-offline module check --module-path " + r.path,
	})
}

// TestQuotedHint: a path with a blank is one word of the next command.
func TestQuotedHint(t *testing.T) {
	r := rigOn(t, copied(t, softhsm.New(t), "a b.so"))
	_, err := r.Token("01")
	if want := "module list --module-path '" + r.path + "'"; !strings.HasSuffix(exitcode.HintOf(err), want) {
		t.Errorf("hint %q", exitcode.HintOf(err))
	}
}
