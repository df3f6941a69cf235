package readback

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/proof"
	"byok/internal/statement"
	"byok/internal/vault"
)

// fakeVault has one key and what is said about it.
type fakeVault struct {
	key    vault.Key
	copies vault.Copies
	older  *vault.Key // found by its public key

	keyErr, proveErr, copiesErr error
	wanted                      vault.Import
}

func (f *fakeVault) Key(_ context.Context, name, version string) (vault.Key, error) {
	if f.keyErr == nil && (name != "payroll" || version != "" && version != f.key.ID.Version) {
		return vault.Key{}, fmt.Errorf("unexpected key %s/%s", name, version)
	}
	return f.key, f.keyErr
}

func (f *fakeVault) ProveTo(_ context.Context, k vault.Key, _ vault.Expected, nonce []byte) (proof.Proof, error) {
	if string(nonce) != "an auditor's" {
		return proof.Proof{}, fmt.Errorf("unexpected nonce %q", nonce)
	}
	return proof.Proof{KID: k.ID, Method: proof.MethodSign, Algorithm: "ES256"}, f.proveErr
}

func (f *fakeVault) Find(context.Context, string, vault.Expected) (vault.Key, bool, error) {
	if f.older == nil {
		return vault.Key{}, false, nil
	}
	return *f.older, true, nil
}

func (f *fakeVault) Copies(_ context.Context, of kek.ID, p vault.Import) (vault.Copies, error) {
	if !of.Equal(f.key.ID) {
		return vault.Copies{}, fmt.Errorf("unexpected key %s", of)
	}
	f.wanted = p
	return f.copies, f.copiesErr
}

const (
	atVault  = "https://contoso.vault.azure.net"
	version1 = "11111111111111111111111111111111"
	version2 = "22222222222222222222222222222222"
)

var policy = []byte(`{"anyOf":[]}`)

func keyAt(name, version string) vault.Key {
	return vault.Key{
		ID:      kek.ID{Vault: atVault, Name: name, Version: version},
		Kty:     "EC-HSM",
		Ops:     []string{"verify", "sign"},
		Enabled: true,
	}
}

func subject(t *testing.T) Subject {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Subject{
		Name:  "payroll",
		Nonce: []byte("an auditor's"),
		Key:   vault.Expected{Kty: "EC-HSM", Crv: "P-256", PublicKey: &key.PublicKey},
		Blob:  []byte("blob"),
		Approved: &statement.Target{
			Vault:  atVault,
			Name:   "payroll",
			KeyOps: []string{"sign", "verify"},
		},
	}
}

func findings(r Report) string {
	var lines []string
	for _, f := range r.Findings {
		lines = append(lines, string(f.Result)+" "+f.Rule+" "+f.Detail)
	}
	return strings.Join(lines, "\n")
}

const asApproved = `pass KEY-PROOF it signed a fresh challenge, and the key made offline verifies it (ES256)
pass KEY-ENABLED enabled
pass KEY-VAULT https://contoso.vault.azure.net
pass KEY-NAME payroll
pass KEY-OPS sign, verify
pass KEY-EXPORTABLE not exportable
pass KEY-POLICY no release policy
pass KEY-COPIES none among 0 other versions in the vault`

// replaced changes a line of asApproved, and only that.
func replaced(rule, line string) string {
	lines := strings.Split(asApproved, "\n")
	for i, l := range lines {
		if strings.Contains(l, " "+rule+" ") {
			lines[i] = line
		}
	}
	return strings.Join(lines, "\n")
}

// TestRead changes one thing of a key that is as it was approved at a time.
func TestRead(t *testing.T) {
	copyAt := func(name, version string, change ...func(*vault.Key)) func(*fakeVault) {
		return func(f *fakeVault) {
			k := keyAt(name, version)
			for _, c := range change {
				c(&k)
			}
			f.copies = vault.Copies{Found: []vault.Key{k}, Looked: 7}
		}
	}
	sum := fingerprint.Of(policy).String()
	for _, c := range []struct {
		name   string
		change func(*fakeVault)
		rule   string // that is found otherwise
		want   string // its line
	}{
		{"as approved", func(*fakeVault) {}, "", ""},
		{"operations", func(f *fakeVault) { f.key.Ops = []string{"sign"} }, "KEY-OPS",
			"FAIL KEY-OPS sign where the quorum approved sign, verify"},
		{"exportable", func(f *fakeVault) { f.key.Exportable = true }, "KEY-EXPORTABLE",
			"FAIL KEY-EXPORTABLE exportable where the quorum approved not exportable"},
		{"policy", func(f *fakeVault) { f.key.ReleasePolicy = policy }, "KEY-POLICY",
			"FAIL KEY-POLICY release policy " + sum + " where the quorum approved no release policy"},
		{"disabled", func(f *fakeVault) { f.key.Enabled = false }, "KEY-ENABLED", "FAIL KEY-ENABLED disabled"},
		{"no copies", func(f *fakeVault) { f.copies.Looked = 12 }, "KEY-COPIES",
			"pass KEY-COPIES none among 12 other versions in the vault"},
		{"an older version", copyAt("payroll", version2), "KEY-COPIES",
			"pass KEY-COPIES the same key is in the vault as https://contoso.vault.azure.net/keys/payroll/" + version2 + " too"},
		{"another name", copyAt("shadow", version2), "KEY-COPIES",
			"FAIL KEY-COPIES the same key is in the vault as https://contoso.vault.azure.net/keys/shadow/" + version2 +
				" (KEY-NAME: shadow where the quorum approved payroll) too"},
		{"an older version that can be exported", copyAt("payroll", version2, func(k *vault.Key) {
			k.Exportable, k.ReleasePolicy = true, policy
		}), "KEY-COPIES",
			"FAIL KEY-COPIES the same key is in the vault as https://contoso.vault.azure.net/keys/payroll/" + version2 +
				" (KEY-EXPORTABLE: exportable where the quorum approved not exportable; KEY-POLICY: release policy " +
				sum + " where the quorum approved no release policy) too"},
		{"unread", func(f *fakeVault) {
			f.copies = vault.Copies{Unread: []kek.ID{keyAt("dark", version1).ID}, Looked: 1}
		}, "KEY-COPIES", "pass KEY-COPIES none among 1 other versions in the vault; 1 more are disabled and cannot be read"},
		{"may not list", func(f *fakeVault) { f.copiesErr = refusal(403) }, "KEY-COPIES",
			"not checked KEY-COPIES the account may not list the vault's keys"},
	} {
		f := &fakeVault{key: keyAt("payroll", version1)}
		c.change(f)
		s := subject(t)
		r, err := Read(context.Background(), f, s)
		want := replaced(c.rule, c.want)
		if got := findings(r); err != nil || got != want {
			t.Errorf("%s: %v\n got\n%s\nwant\n%s", c.name, err, got, want)
		}
		if string(f.wanted.Blob) != "blob" || f.wanted.Expected.PublicKey != s.Key.PublicKey {
			t.Errorf("%s: looked for %+v", c.name, f.wanted)
		}
		rule, fails := strings.CutPrefix(c.want, "FAIL "+c.rule+" ")
		if !fails {
			if err := r.Err(); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		expect(t, c.name, r.Err(), exitcode.Check, "key "+f.key.ID.String()+": "+c.rule+": "+rule,
			"do not use this key; delete what was not approved, or have a quorum approve it")
	}
}

func refusal(status int) error {
	return exitcode.Mark(exitcode.Vault, &azure.Error{Text: "refused", Status: status})
}

func expect(t *testing.T, what string, err error, code exitcode.Code, text, hint string) {
	t.Helper()
	if err == nil || err.Error() != text || exitcode.Of(err) != code || exitcode.HintOf(err) != hint {
		t.Errorf("%s:\n got status %d, %v\n     hint %s\nwant status %d, %s\n     hint %s",
			what, exitcode.Of(err), err, exitcode.HintOf(err), code, text, hint)
	}
}

// TestOtherApprovals: a copy that was approved as well is no fault, and one that is
// as none of the approvals says is.
func TestOtherApprovals(t *testing.T) {
	for _, c := range []struct {
		name, copied string
		want         Result
	}{
		{"approved too", "wages", Pass},
		{"never approved", "shadow", Fail},
	} {
		f := &fakeVault{key: keyAt("payroll", version1)}
		f.copies = vault.Copies{Found: []vault.Key{keyAt(c.copied, version2)}, Looked: 3}
		s := subject(t)
		other := *s.Approved
		other.Name = "wages"
		s.Others = []statement.Target{other}
		r, err := Read(context.Background(), f, s)
		if last := r.Findings[len(r.Findings)-1]; err != nil || last.Rule != RuleCopies || last.Result != c.want {
			t.Errorf("%s: %v, %+v", c.name, err, last)
		}
	}
}

// TestReadFails has the vault fail at each question, or hold another key.
func TestReadFails(t *testing.T) {
	older := keyAt("payroll", version2)
	current := keyAt("payroll", version1)
	another := exitcode.Errorf(exitcode.Check, "another public key").Hint("do not use it")
	for _, c := range []struct {
		name       string
		vault      fakeVault
		version    string
		code       exitcode.Code
		want, hint string
	}{
		{"no such key", fakeVault{keyErr: refusal(404)}, "", exitcode.Vault, "refused (HTTP 404)", ""},
		{"another key", fakeVault{proveErr: another}, "", exitcode.Check, "another public key", "do not use it"},
		{"another key, an older version is it", fakeVault{proveErr: another, older: &older}, "", exitcode.Check,
			"another public key", "--version " + version2 + " is the package's key; it is not the current version"},
		{"another key, that version was asked for", fakeVault{proveErr: another, older: &older}, version1, exitcode.Check,
			"another public key", "do not use it"},
		{"the proof alone fails", fakeVault{proveErr: another, older: &current}, "", exitcode.Check,
			"another public key", "do not use it"},
		{"the vault does not answer", fakeVault{proveErr: refusal(503), older: &older}, "", exitcode.Vault,
			"refused (HTTP 503)", ""},
		{"the search fails", fakeVault{copiesErr: refusal(503)}, "", exitcode.Vault, "refused (HTTP 503)", ""},
	} {
		c.vault.key = current
		s := subject(t)
		s.Version = c.version
		_, err := Read(context.Background(), &c.vault, s)
		expect(t, c.name, err, c.code, c.want, c.hint)
	}
}

// TestReadForeign has no authorization to compare with.
func TestReadForeign(t *testing.T) {
	f := &fakeVault{key: keyAt("payroll", version1)}
	f.copies = vault.Copies{Found: []vault.Key{keyAt("shadow", version2)}, Looked: 1}
	s := subject(t)
	s.Approved = nil
	r, err := Read(context.Background(), f, s)
	want := `pass KEY-PROOF it signed a fresh challenge, and the key made offline verifies it (ES256)
pass KEY-ENABLED enabled
pass KEY-COPIES the same key is in the vault as https://contoso.vault.azure.net/keys/shadow/` + version2 + " too"
	if got := findings(r); err != nil || got != want || r.Err() != nil {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestProved(t *testing.T) {
	for method, want := range map[string]string{
		proof.MethodSign:       "it signed a fresh challenge, and the key made offline verifies it (X)",
		proof.MethodDecrypt:    "it decrypted a fresh challenge (X)",
		proof.MethodUnwrap:     "it unwrapped a fresh challenge (X)",
		proof.MethodCheckValue: "its check value is the one made offline (X)",
	} {
		if got := proved(proof.Proof{Method: method, Algorithm: "X"}); got != want {
			t.Errorf("%s: %s", method, got)
		}
	}
}

// TestHSM: what the HSM's vendor attests is said, and only what was verified passes.
func TestHSM(t *testing.T) {
	h := &statement.HSMAttestation{Format: "F"}
	for _, c := range []struct {
		name  string
		rules []statement.Rule
		want  Finding
	}{
		{"verified", []statement.Rule{{Rule: "HSM-KEY-SAME", OK: true}}, Finding{RuleHSM, Pass, "F: verified"}},
		{"attached", nil, Finding{RuleHSM, NotChecked, "F: attached, not verified"}},
	} {
		s := subject(t)
		h.Rules, s.HSM = c.rules, h
		var r Report
		r.compare(s)
		if len(r.Findings) < 2 || r.Findings[1] != c.want {
			t.Errorf("%s: %+v", c.name, r.Findings)
		}
	}
	var r Report
	r.compare(subject(t))
	if r.Findings[1].Rule == RuleHSM {
		t.Errorf("none: %+v", r.Findings[1])
	}
}
