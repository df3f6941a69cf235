package succession_test

import (
	"context"
	"errors"
	"testing"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/proof"
	"byok/internal/statement"
	"byok/internal/succession"
	"byok/internal/testkit/softworld"
	"byok/internal/vault"
)

// fake is a vault with one key, which proves itself as proved says.
type fake struct {
	key    vault.Key
	err    error
	proved error
}

func (f fake) Key(context.Context, string, string) (vault.Key, error) { return f.key, f.err }

func (f fake) ProveTo(_ context.Context, _ vault.Key, e vault.Expected, _ []byte) (proof.Proof, error) {
	if len(e.CheckValue) != 16 || e.Kty != keykind.OctHSM {
		return proof.Proof{}, errors.New("not the check value of an AES key")
	}
	return proof.Proof{}, f.proved
}

func identity(t *testing.T, kind string) statement.Identity {
	t.Helper()
	k, err := keykind.Parse(kind)
	if err != nil {
		t.Fatal(err)
	}
	key, err := softworld.NewKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return key.Identity
}

// TestCheck has a key a row that meets another under its name, or none.
func TestCheck(t *testing.T) {
	id := kek.ID{Vault: "https://contoso.vault.azure.net", Name: "Payroll", Version: "1"}
	mine, old, other, aes := identity(t, "P-256"), identity(t, "P-256"), identity(t, "P-256"), identity(t, "AES-256")
	holding := func(i statement.Identity) fake { return fake{key: vault.Key{ID: id, PublicKey: i.Public()}} }
	after := func(i statement.Identity) *statement.Replaced {
		return &statement.Replaced{Ident: "payroll", Identity: i}
	}
	answered := func(status int) error { return exitcode.Mark(exitcode.Vault, &azure.Error{Text: "no", Status: status}) }
	secret := fake{key: vault.Key{ID: id, Kty: keykind.OctHSM, Tags: map[string]string{vault.TagBlob: "abc"}}}
	proving := func(err error) fake { s := secret; s.proved = err; return s }
	const (
		taken = "the vault holds another key as https://contoso.vault.azure.net/keys/Payroll/1, and the quorum did not " +
			"approve this one to follow it"
		another = "the vault's current version, https://contoso.vault.azure.net/keys/Payroll/1, is not the key payroll " +
			"that this one follows"
	)
	for _, c := range []struct {
		name     string
		vault    fake
		key      statement.Identity
		blob     string
		replaces *statement.Replaced
		code     exitcode.Code
		want     string
	}{
		{"a free name", fake{err: answered(404)}, mine, "", nil, exitcode.Done, ""},
		{"a free name for a follower", fake{err: answered(404)}, mine, "", after(old), exitcode.Done, ""},
		{"the key itself", holding(mine), mine, "", nil, exitcode.Done, ""},
		{"another key", holding(old), mine, "", nil, exitcode.Refused, taken},
		{"the key that it follows", holding(old), mine, "", after(old), exitcode.Done, ""},
		{"another than it follows", holding(other), mine, "", after(old), exitcode.Refused, another},
		{"an AES key than it follows", secret, mine, "", after(old), exitcode.Refused, another},
		{"an AES key itself", secret, aes, "abc", nil, exitcode.Done, ""},
		{"another AES key", secret, aes, "abd", nil, exitcode.Refused, taken},
		{"the AES key that it follows", proving(nil), aes, "abd", after(aes), exitcode.Done, ""},
		{"another AES key than it follows", proving(exitcode.Errorf(exitcode.Check, "no")), aes, "abd", after(aes),
			exitcode.Refused, another},
		{"an AES key that cannot encrypt", proving(exitcode.Errorf(exitcode.Vault, "its operations are wrapKey")), aes, "abd",
			after(aes), exitcode.Refused, "the vault's current version cannot be compared: its operations are wrapKey"},
		{"a vault that fails at the proof", proving(answered(500)), aes, "abd", after(aes), exitcode.Vault, "no (HTTP 500)"},
		{"a vault that fails", fake{err: answered(500)}, mine, "", nil, exitcode.Vault, "no (HTTP 500)"},
		{"a version that may not be read", fake{err: answered(403)}, mine, "", nil, exitcode.Refused,
			"the vault's current version of Payroll cannot be compared: no (HTTP 403)"},
	} {
		s := succession.Step{Name: "Payroll", Key: vault.Expected{PublicKey: c.key.Public()}, Blob: c.blob, Replaces: c.replaces}
		err := succession.Check(t.Context(), c.vault, s)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want || exitcode.Of(err) != c.code {
			t.Errorf("%s: status %d\n got %s\nwant %s", c.name, exitcode.Of(err), got, c.want)
		}
	}
}
