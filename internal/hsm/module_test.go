package hsm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/shim"
	"byok/internal/testkit/softhsm"
)

func TestLoadRefuses(t *testing.T) {
	good := softhsm.New(t)
	text, foreign := write(t, []byte("text\n")), copyForAnotherMachine(t, good)
	for _, c := range []struct{ name, path, text, hint string }{
		{
			"text", text, "not a shared library",
			"give the vendor's PKCS#11 library with --module-path, such as /usr/lib/softhsm/libsofthsm2.so",
		},
		{
			"another machine", foreign, "the dynamic linker refused it; a library it needs may be missing",
			"ldd " + foreign,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(c.path)
			expect(t, err, failure{"PKCS#11 library " + c.path + ": " + c.text, exitcode.Usage, c.hint})
		})
	}
}

// copyForAnotherMachine changes e_machine, so that only the dynamic linker minds.
func copyForAnotherMachine(t *testing.T, library string) string {
	t.Helper()
	data := must[[]byte](t)(os.ReadFile(library))
	data[18] ^= 0xff
	return write(t, data)
}

func TestLoad(t *testing.T) {
	library := softhsm.New(t)
	m := load(t, library)
	if m.Path != library || !strings.HasPrefix(m.Library, "Implementation of PKCS11 2.") {
		t.Errorf("loaded %q from %s", m.Library, m.Path)
	}
	m.Close()
	m.Close()
	var none *Module
	none.Close()
}

func TestLoadFails(t *testing.T) {
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	library := shim.Build(t)
	for _, c := range []struct{ function, text, hint string }{
		{
			"C_Initialize", "PKCS#11 library " + library + " could not be initialised: CKR_GENERAL_ERROR",
			"check the library's own configuration and that the HSM is connected",
		},
		{"C_GetInfo", "C_GetInfo of " + library + ": CKR_GENERAL_ERROR", ""},
	} {
		t.Setenv("SHIM_DO", "fail=0x5")
		t.Setenv("SHIM_AT", c.function)
		_, err := Load(library)
		t.Setenv("SHIM_AT", "")
		expect(t, err, failure{c.text, exitcode.HSM, c.hint})
	}
}

func TestToken(t *testing.T) {
	r := newToken(t, softhsm.New(t))
	found := must[Token](t)(r.m.Token(r.token.Serial))
	want := Token{
		Slot: found.Slot, Label: testLabel, Manufacturer: "SoftHSM project", Model: "SoftHSM v2", Serial: r.token.Serial,
		Firmware: "2.6", Initialised: true, flags: found.flags, minPIN: 4, maxPIN: 255,
	}
	if found != want || !found.HasUserPIN() {
		t.Errorf("found %+v", found)
	}
	_, err := r.m.Token("0123456789abcdef")
	expect(t, err, failure{"no token with serial 0123456789abcdef in " + r.m.Path, exitcode.HSM,
		"connect the HSM that holds this security world, then byok-offline module list --module-path " + r.m.Path})
	if all := must[[]Token](t)(r.m.Tokens()); len(all) != 2 || all[1].Initialised {
		t.Errorf("tokens %+v", all)
	}
	if free := must[Token](t)(r.m.Free()); free.Initialised || free.Slot == found.Slot {
		t.Errorf("free is %+v", free)
	}
	if labelled := must[[]Token](t)(r.m.Labelled("another")); len(labelled) != 0 {
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
	m := load(t, softhsm.New(t))
	_, err := m.Token("label:a")
	expect(t, err, failure{fmt.Sprintf(`no token labelled "a" without a serial number in %s`, m.Path), exitcode.HSM,
		"connect the HSM that holds this security world, then byok-offline module list --module-path " + m.Path})
}

// TestDeadSlot: one slot that does not answer hides no other.
func TestDeadSlot(t *testing.T) {
	r := faultyToken(t)
	r.failCall(t, "C_GetTokenInfo", 2, pkcs11.CKR_DEVICE_ERROR) // of the free slot, which comes second
	if all := must[[]Token](t)(r.m.Tokens()); len(all) != 2 || all[1].Fault != "CKR_DEVICE_ERROR" || all[0].Fault != "" {
		t.Errorf("tokens %+v", all)
	}
	r.failCall(t, "C_GetTokenInfo", 2, pkcs11.CKR_DEVICE_ERROR)
	must[Token](t)(r.m.Token(r.token.Serial))
	r.failCall(t, "C_GetTokenInfo", 2, pkcs11.CKR_DEVICE_ERROR)
	_, err := r.m.Free()
	expect(t, err, failure{
		fmt.Sprintf("no free slot in %s: every token there is initialised; slot 1 does not answer "+
			"(CKR_DEVICE_ERROR)", r.m.Path),
		exitcode.HSM, "add an empty partition or token with the vendor's tool, then run the command again",
	})
	r.failCall(t, "C_GetTokenInfo", 1, pkcs11.CKR_DEVICE_ERROR)
	_, err = r.m.Token(r.token.Serial)
	expect(t, err, failure{
		fmt.Sprintf("no token with serial %s in %s; slot %d does not answer "+
			"(CKR_DEVICE_ERROR)", r.token.Serial, r.m.Path, r.token.Slot),
		exitcode.HSM, "connect the HSM that holds this security world, then byok-offline module list " +
			"--module-path " + r.m.Path,
	})
}

func TestTokenListFails(t *testing.T) {
	r := faultyToken(t)
	r.failCall(t, "C_GetSlotList", 1, pkcs11.CKR_DEVICE_ERROR)
	_, err := r.m.Free()
	expect(t, err, failure{"C_GetSlotList of " + r.m.Path + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
	r.failCall(t, "C_GetSlotList", 1, pkcs11.CKR_DEVICE_ERROR)
	_, err = r.m.Form(Token{Label: "another"})
	expect(t, err, failure{"C_GetSlotList of " + r.m.Path + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
	r.failCall(t, "C_InitToken", 1, pkcs11.CKR_DEVICE_MEMORY)
	_, err = r.m.Initialise(r.token, pin(soPIN), testLabel)
	expect(t, err,
		failure{fmt.Sprintf(`C_InitToken on slot %d for "test world": CKR_DEVICE_MEMORY`, r.token.Slot), exitcode.HSM, ""})
	r.failCall(t, "C_GetSlotList", 1, pkcs11.CKR_DEVICE_ERROR)
	r.s.Close()
	_, err = r.m.Initialise(r.token, pin(soPIN), testLabel)
	expect(t, err, failure{"C_GetSlotList of " + r.m.Path + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
}

func TestInitialiseTakesTheSameLabelOnce(t *testing.T) {
	r := newToken(t, softhsm.New(t))
	r.s.Close()
	_, err := r.m.Initialise(r.token, pin("another SO PIN"), testLabel)
	expect(t, err,
		failure{fmt.Sprintf(`C_InitToken on slot %d for "test world": CKR_PIN_INCORRECT`, r.token.Slot), exitcode.HSM, ""})
	r.token = must[Token](t)(r.m.Initialise(r.token, pin(soPIN), testLabel))
	_, err = r.m.Initialise(must[Token](t)(r.m.Free()), pin(soPIN), testLabel)
	expect(t, err, failure{`after C_InitToken 2 tokens are labelled "test world" instead of one`, exitcode.HSM, ""})
}

// TestInitialiseLosesTheToken: NSS softoken accepts C_InitToken and shows no
// token afterwards.
func TestInitialiseLosesTheToken(t *testing.T) {
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	m := load(t, shim.Build(t))
	free := must[Token](t)(m.Free())
	t.Setenv("SHIM_DO", "fail=0x0")
	t.Setenv("SHIM_AT", "C_InitToken")
	_, err := m.Initialise(free, pin(soPIN), testLabel)
	expect(t, err, failure{
		fmt.Sprintf(`C_InitToken on slot %d was accepted, but afterwards no initialised token is labelled "test world"`,
			free.Slot),
		exitcode.HSM, "use another module; byok-offline module check --module-path " + m.Path + " says what this one lacks",
	})
}

func TestCheckMechanisms(t *testing.T) {
	r := faultyToken(t)
	free := must[Token](t)(r.m.Free())
	for _, known := range []Token{r.token, free} {
		ok(t, r.m.CheckMechanisms(known))
	}
	r.failCall(t, "C_GetMechanismList", 1, pkcs11.CKR_DEVICE_ERROR)
	expect(t, r.m.CheckMechanisms(free),
		failure{fmt.Sprintf("C_GetMechanismList of slot %d: CKR_DEVICE_ERROR", free.Slot), exitcode.HSM, ""})
	r.failCall(t, "C_GetSlotList", 1, pkcs11.CKR_DEVICE_ERROR)
	expect(t, r.m.CheckMechanisms(r.token),
		failure{"C_GetSlotList of " + r.m.Path + ": CKR_DEVICE_ERROR", exitcode.HSM, ""})
	t.Setenv("SHIM_HIDE_MECHANISMS", "0x9,0x1041,0x1080")
	expect(t, r.m.CheckMechanisms(free), failure{
		fmt.Sprintf("the token in slot %d does not offer CKM_ECDSA, CKM_AES_KEY_GEN, CKM_RSA_PKCS_OAEP, which "+
			"the ceremony needs", free.Slot),
		exitcode.HSM, "byok-offline module check --module-path " + r.m.Path,
	})
}

func TestForm(t *testing.T) {
	for _, c := range []struct {
		oneCall string
		want    Form
	}{{"", TwoSteps}, {"1", OneCall}} {
		t.Run(string(c.want), func(t *testing.T) {
			t.Setenv("SHIM_RSA_AES", c.oneCall)
			r := faultyToken(t)
			t.Setenv("SHIM_RSA_AES", "") // it is looked up once
			if got := must[Form](t)(r.m.Form(r.token)); got != c.want {
				t.Errorf("form %q, want %q", got, c.want)
			}
		})
	}
}

// TestQuotedHint: a path with a blank is one word of the next command.
func TestQuotedHint(t *testing.T) {
	library := filepath.Join(t.TempDir(), "a b.so")
	ok(t, os.WriteFile(library, must[[]byte](t)(os.ReadFile(softhsm.New(t))), 0o700))
	m := load(t, library)
	_, err := m.Token("01")
	if want := "module list --module-path '" + library + "'"; !strings.HasSuffix(exitcode.HintOf(err), want) {
		t.Errorf("hint %q", exitcode.HintOf(err))
	}
}
