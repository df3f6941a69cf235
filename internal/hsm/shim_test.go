package hsm

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm/shim"
	"byok/internal/hsm/softhsm"
	"byok/internal/transfer"
)

// shimmed is SoftHSM behind the shim, with its log.
func shimmed(t *testing.T) (library, log string) {
	t.Helper()
	log = filepath.Join(t.TempDir(), "calls")
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	t.Setenv("SHIM_LOG", log)
	return shim.Build(t), log
}

// TestOneCallWrap holds CKM_RSA_AES_KEY_WRAP to the contract of the two-step
// form, for every key that the vault takes: see travels and judge.
func TestOneCallWrap(t *testing.T) {
	t.Setenv("SHIM_RSA_AES", "1")
	library, log := shimmed(t)
	m, token := worldOn(t, library)
	kek := newKEK(t, 3072)
	trust(t, m, token, kek)
	u := asUser(t, m, token)
	if err := u.ProbeOAEP(); err != nil {
		t.Error(err)
	}
	for name, spec := range specs() {
		t.Run(name, func(t *testing.T) {
			key := generate(t, u, name, spec)
			if err := u.ProbeKey(key); err != nil {
				t.Error(err)
			}
			travels(t, u, key, spec, kek)
			before := len(shim.Calls(t, log))
			blob := must[[]byte](t)(u.ForVault("kek", "transfer", key))
			if n := count(shim.Calls(t, log)[before:], "C_WrapKey"); n != 2 { // the binding asks for the length first
				t.Errorf("%d calls of C_WrapKey: not one wrap", n)
			}
			t.Setenv("SHIM_RSA_AES", "")
			if two := must[[]byte](t)(u.ForVault("kek", "transfer", key)); len(two) != len(blob) {
				t.Errorf("the two-step form gives %d bytes, one call %d", len(two), len(blob))
			}
		})
	}
	if labels := must[[]string](t)(u.Labels()); slices.ContainsFunc(labels, func(l string) bool { return strings.HasPrefix(l, "pkcs11-shim") }) {
		t.Errorf("the shim's own objects show: %q", labels)
	}
}

func count(calls []string, name string) (n int) {
	for _, call := range calls {
		if call == name {
			n++
		}
	}
	return n
}

// promise is a restriction that the shim breaks and the step that must see it.
type promise struct {
	switches map[string]string
	step     func(*testing.T, *Module, Token) error
	text     string // behind the token's name
	hint     string
}

// broken has one promise for each switch of the shim. The world is made with
// the switch on, as it would be on such a module.
func broken() map[string]promise {
	weak := func(word string) map[string]string { return map[string]string{"SHIM_WEAK": word} }
	return map[string]promise{
		"the user may trust":            {weak("trusted"), user((*User).ProbeTrust), dishonest + "the operator could make a trusted wrapping key without the quorum", otherToken},
		"WRAP_WITH_TRUSTED of a key":    {weak("wrap-with-trusted"), rsaKey((*User).ProbeKey), dishonest + "key could be wrapped under an AES key that nobody trusted", otherToken},
		"WRAP_WITH_TRUSTED of transfer": {weak("wrap-with-trusted"), transferKey, dishonest + "transfer could be wrapped under an AES key that nobody trusted", otherToken},
		"MODIFIABLE of the module key":  {weak("modifiable"), moduleKey, dishonest + "CKA_UNWRAP of km could be set to true (an operator must not open a backup blob)", otherToken},
		"MODIFIABLE of a transfer copy": {weak("modifiable"), rsaCopy, dishonest + "CKA_SIGN of copy could be set to true (does nothing but travel)", otherToken},
		"SENSITIVE":                     {weak("sensitive"), rsaKey((*User).ProbeKey), dishonest + "the value of key could be read", otherToken},
		"UNWRAP of the module key":      {weak("unwrap"), moduleKey, dishonest + "km unwrapped a blob although CKA_UNWRAP is false", otherToken},
		"SIGN of a transfer copy":       {weak("sign"), rsaCopy, dishonest + "copy signs although CKA_SIGN is false", otherToken},
		"DECRYPT of a transfer copy":    {weak("decrypt"), rsaCopy, dishonest + "copy decrypts although CKA_DECRYPT is false", otherToken},
		"ENCRYPT of an AES copy":        {weak("encrypt"), aesCopy, dishonest + "copy encrypts although CKA_ENCRYPT is false", otherToken},
		"attributes shown":              {map[string]string{"SHIM_REPORT": "0x210=0"}, rsaKey((*User).ProbeKey), " shows CKA_WRAP_WITH_TRUSTED=false on key, true was asked for (only under a key that a quorum has trusted)", ""},
		"public key shown":              {weak("public-key"), trustKEK, " shows another public key for kek than it was given", ""},
		"OAEP hash":                     {map[string]string{"SHIM_OAEP_HASH": "0x250"}, user((*User).ProbeOAEP), " does not use SHA-1 in RSA-OAEP when asked to, which the vault needs", ""},
		"OAEP hash in one call": {map[string]string{"SHIM_RSA_AES": "1", "SHIM_RSA_AES_HASH": "0x250"}, user((*User).ProbeOAEP),
			" does not use SHA-1 in CKM_RSA_AES_KEY_WRAP when asked to, which the vault needs", ""},
		"trust in one call": {map[string]string{"SHIM_RSA_AES": "1", "SHIM_WEAK": "untrusted-rsa"}, trusting(rsaKey((*User).ProbeKey)),
			dishonest + "key could be wrapped with CKM_RSA_AES_KEY_WRAP under an RSA key that nobody trusted", otherToken},
		"no RFC 5649": {map[string]string{"SHIM_HIDE_MECHANISMS": "0x210A"}, moduleKey,
			" has no AES key wrap with padding as in RFC 5649: CKM_AES_KEY_WRAP_KWP: CKR_MECHANISM_INVALID; CKM_AES_KEY_WRAP_PAD: CKR_MECHANISM_INVALID", ""},
	}
}

func TestBrokenPromisesAreSeen(t *testing.T) {
	library, _ := shimmed(t)
	for name, p := range broken() {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SOFTHSM2_CONF", must[string](t)(softhsm.Configure(t.TempDir())))
			for variable, value := range p.switches {
				t.Setenv(variable, value)
			}
			m, token := worldOn(t, library)
			expect(t, p.step(t, m, token), failure{token.String() + p.text, exitcode.HSM, p.hint})
		})
	}
}

func user(probe func(*User) error) func(*testing.T, *Module, Token) error {
	return func(t *testing.T, m *Module, token Token) error { return probe(asUser(t, m, token)) }
}

func moduleKey(t *testing.T, m *Module, token Token) error {
	return asUser(t, m, token).ProbeModuleKey("km")
}

func transferKey(t *testing.T, m *Module, token Token) error {
	trust(t, m, token, newKEK(t, 2048))
	return asUser(t, m, token).ProbeTransferKey("transfer")
}

// trusting is a step with a trusted KEK on the token.
func trusting(step func(*testing.T, *Module, Token) error) func(*testing.T, *Module, Token) error {
	return func(t *testing.T, m *Module, token Token) error {
		trust(t, m, token, newKEK(t, 2048))
		return step(t, m, token)
	}
}

func trustKEK(t *testing.T, m *Module, token Token) error {
	so := must[*SecurityOfficer](t)(m.SecurityOfficer(token, pin(soPIN)))
	defer so.Close()
	return so.TrustKEK("kek", newKEK(t, 2048).public)
}

func rsaKey(probe func(*User, Key) error) func(*testing.T, *Module, Token) error {
	return func(t *testing.T, m *Module, token Token) error {
		u := asUser(t, m, token)
		return probe(u, generate(t, u, "key", KeySpec{Type: "RSA", Bits: 2048}))
	}
}

func rsaCopy(t *testing.T, m *Module, token Token) error {
	return copyOf(t, m, token, KeySpec{Type: "RSA", Bits: 2048})
}

func aesCopy(t *testing.T, m *Module, token Token) error {
	return copyOf(t, m, token, KeySpec{Type: "AES", Bits: 256})
}

func copyOf(t *testing.T, m *Module, token Token, spec KeySpec) error {
	u := asUser(t, m, token)
	return u.ProbeCopy(must[Key](t)(u.Reduce(generate(t, u, "key", spec), "copy")))
}

// TestWrongSignature is seen by whoever verifies, which every writer of a
// signed file does.
func TestWrongSignature(t *testing.T) {
	library, _ := shimmed(t)
	m, token := worldOn(t, library)
	u := asUser(t, m, token)
	for name, spec := range map[string]KeySpec{"rsa": {Type: "RSA", Bits: 2048}, "p-256": {Type: "EC", Curve: "P-256"}, "p-256k": {Type: "EC", Curve: "P-256K"}} {
		key := generate(t, u, name, spec)
		for _, weak := range []string{"", "signature"} {
			t.Setenv("SHIM_WEAK", weak)
			err := transfer.VerifySignature(key.Public, []byte("manifest"), must[[]byte](t)(u.Sign(key, []byte("manifest"))))
			if (err == nil) != (weak == "") {
				t.Errorf("%s, weak %q: %v", name, weak, err)
			}
		}
	}
}

// TestTokenFlags: what the token says of wrong PINs is told with each.
func TestTokenFlags(t *testing.T) {
	library, _ := shimmed(t)
	m, token := worldOn(t, library)
	for flags, left := range map[string]string{
		"":         "",
		"0x10000":  "; the token counts wrong PINs and will lock it after a few more",
		"0x30000":  "; one try is left before the token locks it",
		"0x70000":  "; the token has locked this PIN",
		"0x700000": "", // the SO's
	} {
		t.Setenv("SHIM_FLAGS", flags)
		_, err := m.User(token, pin("wrong"))
		if flags == "" || flags == "0x700000" {
			left = "; the token counts wrong PINs and will lock it after a few more" // SoftHSM's own flag
		}
		expect(t, err, failure{"wrong user PIN for " + token.String() + " (CKR_PIN_INCORRECT)" + left, exitcode.HSM, ""})
	}
}

func TestFreeSlotsHidden(t *testing.T) {
	library, _ := shimmed(t)
	t.Setenv("SHIM_HIDE_FREE", "1")
	m := load(t, library)
	_, err := m.Free()
	expect(t, err, failure{"no free slot in " + library + ": every token there is initialised", exitcode.HSM, "add an empty partition or token with the vendor's tool, then run the command again"})
}

// TestProbesNeedAnAnswer: a try that fails because the device does is no
// refusal, and a probe must not pass on it.
func TestProbesNeedAnAnswer(t *testing.T) {
	library, log := shimmed(t)
	t.Setenv("SHIM_RSA_AES", "1")
	m, token := worldOn(t, library)
	u := asUser(t, m, token)
	ec := generate(t, u, "ec", KeySpec{Type: "EC", Curve: "P-256"})
	reduced := must[Key](t)(u.Reduce(generate(t, u, "aes", KeySpec{Type: "AES", Bits: 256}), "copy"))
	told, points := 0, 0
	for name, probe := range map[string]func() error{
		"trust": u.ProbeTrust, "OAEP": u.ProbeOAEP, "module key": func() error { return u.ProbeModuleKey("km") },
		"key": func() error { return u.ProbeKey(ec) }, "copy": func() error { return u.ProbeCopy(reduced) },
	} {
		before := len(shim.Calls(t, log))
		if err := probe(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, call := range shim.Calls(t, log)[before:] {
			if harmless(call) {
				continue
			}
			points++
			t.Setenv("SHIM_AT", strconv.Itoa(i+1))
			t.Setenv("SHIM_DO", "fail=0x32")
			if err := probe(); exitcode.Of(err) != exitcode.HSM || !strings.Contains(err.Error(), "CKR_DEVICE_REMOVED") {
				t.Errorf("%s: call %d, %s, fails: %v", name, i+1, call, err)
			} else {
				told++
			}
			t.Setenv("SHIM_AT", "")
		}
	}
	t.Logf("%d of %d failed calls told", told, points)
}

// harmless calls clean up, or ask for what the token may not have.
func harmless(call string) bool {
	return slices.Contains([]string{"C_DestroyObject", "C_FindObjectsFinal", "C_GetMechanismInfo"}, call)
}
