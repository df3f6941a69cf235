package enact

import (
	"testing"

	"byok/internal/hsm/shim"
	"byok/internal/policy"
	"byok/internal/testkit/softhsm"
)

// played says by which switches of the shim SoftHSM plays the module of a flaw.
// What is not here runs on SoftHSM as it is.
var played = map[string]map[string]string{
	"the KEK waits on the token, one call":                      {"SHIM_RSA_AES": "1"},
	"KW can be copied":                                          {"SHIM_WEAK": "modifiable"},
	"WRAP_WITH_TRUSTED is set after wrapping out":               {"SHIM_AT": "C_SetAttributeValue+", "SHIM_DO": "fail=0x0", "SHIM_REPORT": "0x210=1"},
	"a key is joined to another (CKM_CONCATENATE_BASE_AND_KEY)": {"SHIM_DERIVE": "0x360", "SHIM_DERIVE_RULE": "values", "SHIM_WEAK": "sensitive"},
	"the user makes a trusted key":                              {"SHIM_WEAK": "trusted,wrap-with-trusted"},
	"SENSITIVE can be undone":                                   {"SHIM_WEAK": "sensitive"},
	"WRAP_WITH_TRUSTED is not enforced":                         {"SHIM_WEAK": "wrap-with-trusted"},
}

// TestFlaws carries every seeded flaw out: the key is really had.
func TestFlaws(t *testing.T) {
	for _, f := range policy.Flaws() {
		t.Run(f.Name, func(t *testing.T) {
			r, found := policy.Run(f.Design, f.Module, f.Attacker).Way(f.Goal, f.What)
			if !found {
				t.Fatalf("not found: %s: %s", f.Goal, f.What)
			}
			s := newStage(t, libraryFor(t, f))
			s.exact = played[f.Name] == nil
			s.carryOut(r.Way)
			s.holds(r)
		})
	}
}

func libraryFor(t *testing.T, f policy.Flaw) string {
	t.Helper()
	library := softhsm.New(t)
	switches := played[f.Name]
	if switches == nil {
		return library
	}
	t.Setenv("SHIM_MODULE", library)
	for name, value := range switches {
		t.Setenv(name, value)
	}
	return shim.Build(t)
}
