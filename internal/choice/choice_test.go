package choice

import (
	"slices"
	"strings"
	"testing"

	"byok/internal/keykind"
)

// TestOf: the words that people type, and what is meant.
func TestOf(t *testing.T) {
	offline, keys := Offline(), Keys()
	for _, c := range []struct {
		option string
		choice Choice
		typed  string
		want   string
		ok     bool
	}{
		{"type", offline["type"], "RSA", "RSA", true},
		{"type", offline["type"], "rsa", "RSA", true},
		{"type", offline["type"], "EC-HSM", "EC", true},
		{"type", offline["type"], "ECDSA", "EC", true},
		{"type", offline["type"], "oct-HSM", "AES", true},
		{"type", offline["type"], "DSA", "DSA", false},
		{"type", offline["type"], "", "", false},
		{"curve", offline["curve"], "P-256", "P-256", true},
		{"curve", offline["curve"], "p256", "P-256", true},
		{"curve", offline["curve"], "P_384", "P-384", true},
		{"curve", offline["curve"], "secp256r1", "P-256", true},
		{"curve", offline["curve"], "prime256v1", "P-256", true},
		{"curve", offline["curve"], "NIST P-521", "NIST P-521", false},
		{"curve", offline["curve"], "nistp521", "P-521", true},
		{"curve", offline["curve"], "secp256k1", "P-256K", true},
		{"curve", offline["curve"], "SECP256K1", "P-256K", true},
		{"curve", offline["curve"], "p-256k", "P-256K", true},
		{"curve", offline["curve"], "P-224", "P-224", false},
		{"size", offline["size"], "1024", "1024", true},
		{"guard", offline["guard"], "Trust_By_Tool", "trust-by-tool", true},
		{"key-op", offline["key-op"], "wrapkey", "wrapKey", true},
		{"key-op", offline["key-op"], "derive", "derive", true},
		{"kty", keys["kty"], "rsa", "RSA-HSM", true},
		{"kty", keys["kty"], "RSAHSM", "RSA-HSM", true},
		{"kty", keys["kty"], "oct", "oct-HSM", true},
		{"kty", keys["kty"], "OKP", "OKP", false},
	} {
		got, ok := c.choice.Of(c.typed)
		if got != c.want || ok != c.ok {
			t.Errorf("--%s %q: %q, %t, want %q, %t", c.option, c.typed, got, ok, c.want, c.ok)
		}
	}
}

// TestNearestWord: what a mistyped value was meant to be.
func TestNearestWord(t *testing.T) {
	offline := Offline()
	for _, c := range []struct{ option, typed, want string }{
		{"curve", "P-521K", "P-521"}, {"curve", "secp256k", "P-256K"}, {"curve", "brainpool", ""},
		{"guard", "trst", "trust"}, {"guard", "trust-by-toll", "trust-by-tool"}, {"app", "smiple", "simple"},
		{"type", "Q", ""},
	} {
		if got := offline[c.option].Nearest(c.typed); got != c.want {
			t.Errorf("--%s %s: %q, want %q", c.option, c.typed, got, c.want)
		}
	}
}

// TestExpected lists the words as a person says them.
func TestExpected(t *testing.T) {
	for want, words := range map[string][]string{
		"a": {"a"}, "a or b": {"a", "b"}, "a, b or c": {"a", "b", "c"},
	} {
		if got := (Choice{Words: words}).Expected(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestWordsAreThoseOfTheKinds: every kind of key can be typed, every other name
// means a word of the list and is written as it is looked up.
func TestWordsAreThoseOfTheKinds(t *testing.T) {
	offline, keys := Offline(), Keys()
	for _, k := range keykind.All() {
		typed, _ := offline["type"].Of(string(k.Type))
		kty, _ := keys["kty"].Of(k.KTY)
		curve, ok := offline["curve"].Of(k.Curve)
		if typed != string(k.Type) || kty != k.KTY || k.Curve != "" && (curve != k.Curve || !ok) {
			t.Errorf("%v: %s, %s, %s", k, typed, kty, curve)
		}
	}
	for _, all := range []map[string]Choice{offline, keys} {
		for option, c := range all {
			for name, word := range c.Also {
				if !slices.Contains(c.Words, word) || name != plain(name) {
					t.Errorf("--%s: %q for %q", option, name, word)
				}
				if slices.ContainsFunc(c.Words, func(w string) bool { return strings.EqualFold(w, name) && w != word }) {
					t.Errorf("--%s: %q is a word of its own", option, name)
				}
			}
		}
	}
}
