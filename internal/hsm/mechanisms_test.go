package hsm

import (
	"fmt"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

func TestCheckMechanisms(t *testing.T) {
	m, token := faultyWorld(t)
	free := must[Token](t)(m.Free())
	for _, known := range []Token{token, free} {
		if err := m.CheckMechanisms(known); err != nil {
			t.Error(err)
		}
	}
	failCall(t, m, "C_GetMechanismList", 1, pkcs11.CKR_DEVICE_ERROR)
	expect(t, m.CheckMechanisms(free), failure{fmt.Sprintf("C_GetMechanismList of slot %d: CKR_DEVICE_ERROR", free.Slot), exitcode.HSM, ""})
	t.Setenv("SHIM_HIDE_MECHANISMS", "0x9,0x1041,0x1080")
	expect(t, m.CheckMechanisms(free), failure{fmt.Sprintf("the token in slot %d does not offer CKM_ECDSA, CKM_AES_KEY_GEN, CKM_RSA_PKCS_OAEP, which the ceremony needs", free.Slot), exitcode.HSM,
		"byok-offline module check --module-path " + m.Path})
	token.Serial = "0123"
	expect(t, m.CheckMechanisms(token), failure{"no token with serial 0123 in " + m.Path, exitcode.HSM,
		"connect the HSM that holds this security world, then byok-offline module list --module-path " + m.Path})
}

func TestKeyWrapString(t *testing.T) {
	for w, want := range map[KeyWrap]string{
		{Mechanism: ckmAESKeyWrapKWP}:                            "CKM_AES_KEY_WRAP_KWP",
		{Mechanism: pkcs11.CKM_AES_KEY_WRAP_PAD}:                 "CKM_AES_KEY_WRAP_PAD",
		{Mechanism: pkcs11.CKM_AES_KEY_WRAP_PAD, ZeroPads: true}: "CKM_AES_KEY_WRAP_PAD, with up to seven zero bytes behind the key",
	} {
		if got := w.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
