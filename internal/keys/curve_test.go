package keys_test

import (
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/keys"
	"byok/internal/testkit/rig"
)

// TestGenerateLacksCurve: a module that does not have the curve is told from one that
// fails.
func TestGenerateLacksCurve(t *testing.T) {
	r := rig.NewWorld(t)
	kind, err := keykind.Parse("P-256K")
	rig.OK(t, err)
	t.Setenv("SHIM_AT", "C_GenerateKeyPair+")
	for code, want := range map[string]struct{ text, hint string }{
		"0x130": {"CKR_DOMAIN_PARAMS_INVALID", "the module does not have P-256K: name another curve with --curve"},
		"0x140": {"return code 0x00000140", "the module does not have P-256K: name another curve with --curve"},
		"0x5":   {"CKR_GENERAL_ERROR", ""},
	} {
		t.Setenv("SHIM_DO", "fail="+code)
		err := quorum(r, func(s keys.Quorum) error {
			_, err := s.Generate(keys.Generation{Ident: "key", Spec: hsm.Spec{Kind: kind}})
			return err
		})
		r.Refused(t, err, exitcode.HSM, "C_GenerateKeyPair of key_simple_key: "+want.text, want.hint)
	}
}
