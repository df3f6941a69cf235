package token_test

import (
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/policy/token"
)

// Keys of each kind.
var (
	aes = token.Key{Name: "AES key", Kind: token.AES}
	ec  = token.Key{Name: "EC key", Kind: token.EC}
	rsa = token.Key{Name: "RSA key", Kind: token.RSA}
	kek = token.Key{Name: "KEK A", Kind: token.RSA}
)

// TestTerms: the text of each term, and how deep it is.
func TestTerms(t *testing.T) {
	wrap := token.KWP{Inner: ec, Under: aes}
	seal := token.OAEP{Inner: aes, To: kek}
	for _, test := range []struct {
		term  token.Term
		text  string
		depth int
	}{
		{aes, "AES key", 1},
		{wrap, "{EC key} under AES key", 2},
		{token.KWP{Inner: wrap, Under: aes}, "{{EC key} under AES key} under AES key", 3},
		{seal, "{AES key} for KEK A", 2},
		{token.Blob{First: seal, Second: wrap}, "a blob for KEK A of EC key", 3},
		{token.Joined{First: aes, Second: ec}, "AES key followed by EC key", 2},
		{token.CheckValue{Of: aes}, "the check value of AES key", 2},
	} {
		t.Run(test.text, func(t *testing.T) {
			if got, depth := test.term.String(), token.Depth(test.term); got != test.text || depth != test.depth {
				t.Errorf("%q, %d deep, want %q, %d deep", got, depth, test.text, test.depth)
			}
		})
	}
}

// TestObjects: an object is called by its value; there is a public half only
// where the token can have both halves.
func TestObjects(t *testing.T) {
	for _, test := range []struct {
		value token.Key
		class p11.Class
		want  string
	}{
		{rsa, p11.PrivateKey, "RSA key"},
		{rsa, p11.PublicKey, "the public half of RSA key"},
		{kek, p11.PublicKey, "KEK A"},
		{token.Key{Name: "KM", Kind: token.RSA}, p11.PublicKey, "KM"},
	} {
		t.Run(test.want, func(t *testing.T) {
			if got := (token.Object{Value: test.value, Class: test.class}).String(); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// TestAllows: a key with ALLOWED_MECHANISMS serves that one mechanism.
func TestAllows(t *testing.T) {
	for _, test := range []struct {
		name string
		of   uint
		want bool
	}{
		{"any", p11.NoMechanism, true},
		{"this one", p11.KWP, true},
		{"another", pkcs11.CKM_AES_ECB, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := (token.Object{Mechanism: test.of}).Allows(p11.KWP); got != test.want {
				t.Errorf("%t, want %t", got, test.want)
			}
		})
	}
}

// TestDiffers: only what a class has can differ.
func TestDiffers(t *testing.T) {
	for _, test := range []struct {
		name  string
		class p11.Class
		attrs token.Attrs
		x     p11.Attribute
		want  bool
	}{
		{"a use that is off", p11.SecretKey, 0, unwraps, true},
		{"a use that is on", p11.PrivateKey, token.Unwrap, unwraps, false},
		{"a use of another class", p11.PublicKey, 0, unwraps, false},
		{"SENSITIVE of a public key", p11.PublicKey, 0, sensitive, false},
		{"SENSITIVE of a private key", p11.PrivateKey, 0, sensitive, true},
		{"TRUSTED of a public key", p11.PublicKey, 0, trusted, true},
		{"TRUSTED of a private key", p11.PrivateKey, 0, trusted, false},
		{"MODIFIABLE", p11.PublicKey, token.Modifiable, frozen, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := (token.Object{Class: test.class, Attrs: test.attrs}).Differs(test.x); got != test.want {
				t.Errorf("%t, want %t", got, test.want)
			}
		})
	}
}

// TestGenerated: a key that was made sensitive is always sensitive.
func TestGenerated(t *testing.T) {
	for before, want := range map[token.Attrs]token.Attrs{
		token.Extractable: token.Extractable | token.Local,
		token.Sensitive:   token.Sensitive | token.Local | token.AlwaysSensitive,
	} {
		if got := before.Generated(); got != want {
			t.Errorf("%b: %b, want %b", before, got, want)
		}
	}
}

// TestModelled: no rule asks where an object is, or who may sign.
func TestModelled(t *testing.T) {
	modelled := token.Modelled()
	for attribute, want := range map[uint]token.Attrs{
		pkcs11.CKA_WRAP: token.Wrap, p11.Copyable: token.Copyable, pkcs11.CKA_TRUSTED: token.Trusted,
		pkcs11.CKA_TOKEN: 0, pkcs11.CKA_SIGN: 0, pkcs11.CKA_LOCAL: 0,
	} {
		if got := modelled[attribute]; got != want {
			t.Errorf("CKA_%s: %b, want %b", p11.Name(attribute), got, want)
		}
	}
}
