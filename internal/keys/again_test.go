package keys_test

import (
	"strings"
	"testing"

	"byok/internal/keys"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

// TestApproveUntrustedWrap: a token that has begun to wrap keys under untrusted
// ones gets no approval.
func TestApproveUntrustedWrap(t *testing.T) {
	r := rig.NewKeyWorld(t)
	k := rig.NewKEK(t, "KEK1")
	target := statement.Target{Vault: k.ID().Vault, Name: "First", KeyOps: rig.Kind(t, "P-256").KeyOps()}
	t.Setenv("SHIM_UNTRUSTED_WRAP", "0x9")
	err := r.Quorum(func(s *session.Quorum) error {
		_, err := keys.Quorum{Quorum: s}.Approve([]keys.Transfer{{Ident: "first", KEK: k.KEK, Target: target}})
		return err
	})
	const want = "the transfer copy can be wrapped with CKM_RSA_PKCS_OAEP under an RSA key that is not trusted"
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v", err)
	}
}
