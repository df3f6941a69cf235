package listing_test

import (
	"slices"
	"strings"
	"testing"

	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/listing"
	"byok/internal/statement"
)

// TestOf shows every line that a pair can have.
func TestOf(t *testing.T) {
	kid, err := kek.ParseID("https://contoso.vault.azure.net/keys/KEK1/0123456789abcdef0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	sum := fingerprint.Of([]byte("x"))
	aes := statement.Identity{KeyType: keykind.AES, Bits: 256, CheckValue: "00112233445566778899aabbccddeeff"}
	plain := statement.Approval{
		Ident: "payments", PlainName: "Payments", Identity: aes, Origin: statement.OriginQuorum,
		KEK: statement.KEK{KID: kid, Fingerprint: sum, Attested: true, Said: kek.Said{By: "Olga", Fingerprint: fingerprint.Whole(sum)}},
		Target: statement.Target{
			Vault: kid.Vault, Name: "Payments", KeyOps: []string{"wrapKey", "decrypt"},
		},
	}
	full := plain
	full.KEK.Attested = false
	full.Replaces = &statement.Replaced{Ident: "old", Identity: aes}
	full.HSM = &statement.HSMAttestation{Rules: []statement.Rule{{Rule: "HSM-ROOT", Detail: "pinned"}}}
	full.Target.Exportable, full.Target.ReleasePolicy = true, sum
	for _, c := range []struct {
		name string
		a    statement.Approval
		want []string
	}{
		{"plain", plain, []string{
			"7. key    payments (Payments), AES-256, check value 00112233445566778899aabbccddeeff",
			"   origin quorum: generated with the card holders present",
			"   KEK    " + kid.String(),
			"          " + sum.FirstWords(8) + "; attested",
			"          Olga said: " + fingerprint.Whole(sum).String() + ", import only",
			"   target Payments in " + kid.Vault,
			"   may    decrypt, wrapKey; not exportable",
		}},
		{"full", full, []string{
			"7. key    payments (Payments), AES-256, check value 00112233445566778899aabbccddeeff",
			"   origin quorum: generated with the card holders present",
			"   after  old, AES-256, check value 00112233445566778899aabbccddeeff: its next version in the vault",
			"   HSM    " + full.HSM.String(),
			"          HSM-ROOT: pinned",
			"   KEK    " + kid.String(),
			"          " + sum.FirstWords(8) + "; not attested: it rests on what was said",
			"          Olga said: " + fingerprint.Whole(sum).String() + ", import only",
			"   target Payments in " + kid.Vault,
			"   may    decrypt, wrapKey; exportable under the release policy " + sum.String()[:16] + "…",
		}},
	} {
		if got := listing.Of(7, c.a); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nexpected\n%s", c.name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}
