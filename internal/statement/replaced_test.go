package statement_test

import (
	"strings"
	"testing"

	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/statement"
	"byok/internal/testkit/softworld"
)

func identity(t *testing.T, name string) statement.Identity {
	t.Helper()
	kind, err := keykind.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	key, err := softworld.NewKey(kind)
	if err != nil {
		t.Fatal(err)
	}
	return key.Identity
}

// TestReplaced has a key a row, and what it is to follow.
func TestReplaced(t *testing.T) {
	p256, p384, k256, aes := identity(t, "P-256"), identity(t, "P-384"), identity(t, "P-256K"), identity(t, "AES-128")
	of := func(ident string, i statement.Identity) *statement.Replaced {
		return &statement.Replaced{Ident: ident, Identity: i}
	}
	for _, c := range []struct {
		name string
		key  statement.Identity
		old  *statement.Replaced
		want string
	}{
		{"none", p256, nil, ""},
		{"as strong", p256, of("old", identity(t, "P-256")), ""},
		{"stronger", p384, of("old", p256), ""},
		{"an AES key", identity(t, "AES-256"), of("old", aes), ""},
		{"a larger curve after P-256K", p384, of("old", k256), ""},
		{"weaker", p256, of("old", p384), "field replaces: P-256 does not follow P-384, which is larger"},
		{"another curve of the size", p256, of("old", k256),
			"field replaces: P-256 does not follow P-256K, another curve of the same size"},
		{"another type", p256, of("old", aes), "field replaces: a key of type EC does not follow one of type AES"},
		{"itself", p256, of("old", p256), "field replaces: a key does not follow itself"},
		{"its own name", p256, of("new", identity(t, "P-256")), "field replaces: a key does not follow itself"},
		{"no name", p256, of("", p384), "field replaces.ident: the key identifier is empty"},
		{"no key", p256, of("old", statement.Identity{}), `field replaces: key type "": expected RSA, EC or AES`},
	} {
		got := ""
		if err := c.old.Check("new", c.key); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if a, b := of("old", p256), of("old", p384); !a.Same(of("old", p256)) || a.Same(b) || a.Same(nil) ||
		a.Same(of("other", p256)) || !(*statement.Replaced)(nil).Same(nil) {
		t.Error("two are the same that differ, or the other way round")
	}
}

// TestHSMAttestation has what is recorded of an attestation a row.
func TestHSMAttestation(t *testing.T) {
	sum := fingerprint.Of([]byte("file"))
	ok := []statement.Rule{{Rule: "HSM-KEY-SAME", OK: true}}
	for _, c := range []struct {
		name string
		h    *statement.HSMAttestation
		text string
		want string
	}{
		{"none", nil, "none", ""},
		{"verified", &statement.HSMAttestation{SHA256: sum, Format: "F", Rules: ok}, "F: verified", ""},
		{"verified in a rehearsal", &statement.HSMAttestation{SHA256: sum, Format: "F", Rules: ok, Root: "PEM"},
			"F: verified, under a rehearsal's root", "field hsm_attestation.root: only a rehearsal has a root of its own"},
		{"attached", &statement.HSMAttestation{SHA256: sum, Format: "F"}, "F: attached, not verified", ""},
		{"without a hash", &statement.HSMAttestation{Format: "F"}, "F: attached, not verified",
			"field hsm_attestation.sha256 is missing"},
		{"without a format", &statement.HSMAttestation{SHA256: sum}, ": attached, not verified",
			"field hsm_attestation.format: it is empty"},
		{"with no rules", &statement.HSMAttestation{SHA256: sum, Format: "F", Rules: []statement.Rule{}},
			"F: attached, not verified", "field hsm_attestation.rules: it must be omitted when empty"},
		{"failed", &statement.HSMAttestation{SHA256: sum, Format: "F", Rules: []statement.Rule{{Rule: "HSM-KEY-SAME"}}},
			"F: verified", `field hsm_attestation: the rule "HSM-KEY-SAME" failed`},
		{"with a huge root", &statement.HSMAttestation{SHA256: sum, Format: "F", Root: strings.Repeat("x", 8<<10+1)},
			"F: attached, not verified", "field hsm_attestation.root: more than 8192 bytes"},
	} {
		if c.h.String() != c.text {
			t.Errorf("%s: %v", c.name, c.h)
		}
		s := example(t, approval)
		s.(*statement.Authorization).Pairs[0].HSM = c.h
		got := ""
		if _, err := statement.Encode(s); err != nil {
			_, got, _ = strings.Cut(err.Error(), "pair 1: ")
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
