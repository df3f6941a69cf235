package templates

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/keykind"
)

// row is a template, and what it must hold: the attributes that are true and
// those that are false, sorted; what is frozen has an exclamation mark.
type row struct {
	name     string
	template p11.Template
	on, off  string
}

func table() []row {
	return []row{
		{
			"KM", TrustedRSA(p11.TokenObject),
			"TOKEN TRUSTED WRAP", "COPYABLE ENCRYPT! MODIFIABLE! PRIVATE VERIFY VERIFY_RECOVER",
		},
		{
			"KEK", TrustedRSA(p11.SessionObject),
			"TRUSTED WRAP", "COPYABLE ENCRYPT! MODIFIABLE! PRIVATE TOKEN VERIFY VERIFY_RECOVER",
		},
		{
			"anchor", Anchor(),
			"TOKEN TRUSTED", "COPYABLE ENCRYPT! MODIFIABLE! PRIVATE VERIFY VERIFY_RECOVER WRAP!",
		},
		{
			"KW before it is frozen", TrustedAES(),
			"EXTRACTABLE SENSITIVE! TRUSTED WRAP WRAP_WITH_TRUSTED!",
			"DECRYPT! DERIVE! ENCRYPT! PRIVATE SIGN! TOKEN UNWRAP! VERIFY",
		},
		{"freezing of KW", FrozenKW(), "TOKEN", "COPYABLE EXTRACTABLE! MODIFIABLE!"},
		{
			"KW", KW(), "SENSITIVE! TOKEN TRUSTED WRAP WRAP_WITH_TRUSTED",
			"COPYABLE DECRYPT! DERIVE! ENCRYPT! EXTRACTABLE! MODIFIABLE! PRIVATE SIGN! UNWRAP! VERIFY",
		},
		{
			"transfer key", TransferKey(), "EXTRACTABLE SENSITIVE! TRUSTED WRAP WRAP_WITH_TRUSTED!",
			"COPYABLE DECRYPT! DERIVE! ENCRYPT! MODIFIABLE! PRIVATE SIGN! TOKEN UNWRAP! VERIFY",
		},
		{
			"RSA key", PrivateKey(p11.TokenObject, true),
			"DECRYPT EXTRACTABLE PRIVATE SENSITIVE! SIGN TOKEN WRAP_WITH_TRUSTED!", "DERIVE SIGN_RECOVER UNWRAP",
		},
		{
			"EC session key", PrivateKey(p11.SessionObject, false),
			"EXTRACTABLE PRIVATE SENSITIVE! SIGN WRAP_WITH_TRUSTED!", "DECRYPT DERIVE SIGN_RECOVER TOKEN UNWRAP",
		},
		{"what opens a backup", Unwrapping(), "PRIVATE SENSITIVE UNWRAP", "DECRYPT EXTRACTABLE SIGN TOKEN"},
		{"public half", PublicKey(p11.TokenObject, true), "ENCRYPT TOKEN VERIFY", "PRIVATE WRAP"},
		{
			"AES key", SecretKey(p11.TokenObject),
			"DECRYPT ENCRYPT EXTRACTABLE PRIVATE SENSITIVE! TOKEN WRAP_WITH_TRUSTED!", "DERIVE SIGN UNWRAP VERIFY WRAP",
		},
		{
			"KML", ModuleSigningKey(),
			"PRIVATE SENSITIVE! SIGN TOKEN", "DECRYPT DERIVE EXTRACTABLE! SIGN_RECOVER UNWRAP",
		},
		{"reduction", Reduced(false), "", "COPYABLE DECRYPT! DERIVE! MODIFIABLE! SIGN! SIGN_RECOVER! TOKEN UNWRAP!"},
		{
			"reduction of AES", Reduced(true),
			"", "COPYABLE DECRYPT! DERIVE! ENCRYPT! MODIFIABLE! SIGN! TOKEN UNWRAP! VERIFY! WRAP!",
		},
		{
			"transfer copy", ReducedShows(false), "EXTRACTABLE SENSITIVE! WRAP_WITH_TRUSTED!",
			"COPYABLE DECRYPT! DERIVE! MODIFIABLE! SIGN! SIGN_RECOVER! TOKEN UNWRAP!",
		},
		{
			"transfer copy of AES", ReducedShows(true), "EXTRACTABLE SENSITIVE! WRAP_WITH_TRUSTED!",
			"COPYABLE DECRYPT! DERIVE! ENCRYPT! MODIFIABLE! SIGN! TOKEN UNWRAP! VERIFY! WRAP!",
		},
	}
}

func TestTemplates(t *testing.T) {
	for _, r := range table() {
		if on, off := listed(r.template, true), listed(r.template, false); on != r.on || off != r.off {
			t.Errorf("%s:\n got %q, %q\nwant %q, %q", r.name, on, off, r.on, r.off)
		}
	}
}

// listed lists the attributes with a value.
func listed(t p11.Template, value bool) string {
	var names []string
	for _, a := range t {
		switch {
		case a.Value != value:
		case a.Frozen:
			names = append(names, a.Name()+"!")
		default:
			names = append(names, a.Name())
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestRules: an attribute is there once and with its reason, and MODIFIABLE
// comes last in what an object is made with, for SoftHSM accepts nothing after
// it. KW's template is only read back.
func TestRules(t *testing.T) {
	for _, r := range table() {
		seen := map[uint]bool{}
		for i, a := range r.template {
			if seen[a.Type] || a.Why == "" {
				t.Errorf("%s: CKA_%s is there twice, or without a reason", r.name, a.Name())
			}
			seen[a.Type] = true
			if a.Type == pkcs11.CKA_MODIFIABLE && r.name != "KW" && i != len(r.template)-1 {
				t.Errorf("%s: CKA_%s comes after MODIFIABLE", r.name, r.template[i+1].Name())
			}
		}
	}
}

// TestUses: a secret key has more to say than a private one.
func TestUses(t *testing.T) {
	private, secret := Uses(false), Uses(true)
	if !slices.Contains(private, pkcs11.CKA_SIGN_RECOVER) || slices.Contains(private, pkcs11.CKA_TRUSTED) ||
		!slices.Contains(secret, pkcs11.CKA_TRUSTED) || slices.Contains(secret, pkcs11.CKA_SIGN_RECOVER) {
		t.Errorf("%x, %x", private, secret)
	}
}

// TestParameters: a curve, or a size with its exponent.
func TestParameters(t *testing.T) {
	for name, want := range map[string]int{"P-256": 1, "RSA-2048": 2} {
		kind, err := keykind.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		list := Parameters(kind, 0)
		if len(list) != want || want == 2 && !slices.Equal(list[1].Value, []byte{1, 0, 1}) {
			t.Errorf("%s: %v", name, list)
		}
		if list := Parameters(kind, 3); want == 2 && !slices.Equal(list[1].Value, []byte{3}) {
			t.Errorf("%s: %v", name, list)
		}
	}
}
