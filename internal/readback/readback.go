// Package readback finds out, by asking the vault, whether a key there is the
// key that a quorum approved: the vault uses it on a fresh challenge, what the
// vault says of it is compared with the authorization, and the rest of the
// vault is searched for copies.
//
// Use [Read] and look at [Report.Findings]; a report whose [Report.Err] is nil
// shows the key that was made offline, as it was approved, and no copy of it
// that differs. All but the proof is the vault's word, and a copy in another
// vault is not found.
package readback

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"byok/internal/approval"
	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/proof"
	"byok/internal/statement"
	"byok/internal/vault"
)

// Vault is what reading back asks of a vault; [vault.Client] is one.
type Vault interface {
	// Key reads a key version; version "" is the current one.
	Key(ctx context.Context, name, version string) (vault.Key, error)
	// ProveTo has the vault use a key version on a challenge with the nonce; nil draws a fresh one.
	ProveTo(ctx context.Context, k vault.Key, e vault.Expected, nonce []byte) (proof.Proof, error)
	// Find returns the newest version of a name that has e's public key.
	Find(ctx context.Context, name string, e vault.Expected) (vault.Key, bool, error)
	// Copies returns every other version in the vault that is the same key.
	Copies(ctx context.Context, of kek.ID, p vault.Import) (vault.Copies, error)
}

// Subject is the key that is looked for.
type Subject struct {
	Name    string // of the key in the vault
	Version string // "" is the current one
	Key     vault.Expected
	Nonce   []byte // an auditor's, proof.NonceSize bytes; nil draws a fresh one

	// Of a key that a quorum approved; nil for another vendor's.
	Approved *statement.Target
	Blob     []byte // the .byok file, by whose hash a vault's AES key is known
	// Others are further approvals of the same key: a copy that is as one of them
	// says is not a fault.
	Others []statement.Target
	// HSM is what the HSM's vendor attests of the key; nil where nothing was attached.
	HSM *statement.HSMAttestation
}

// The rules beside those of [approval.Rules].
const (
	RuleProof   = "KEY-PROOF"   // the vault used the private half, or the AES key
	RuleEnabled = "KEY-ENABLED" // the version is enabled
	RuleHSM     = "KEY-HSM"     // the vendor of the HSM that the key was made in attests it
	RuleCopies  = "KEY-COPIES"  // no other version in the vault is the same key and more than was approved
)

// Result is how a rule turned out.
type Result string

// The results. A rule that could not be applied did not pass.
const (
	Pass       Result = "pass"
	Fail       Result = "FAIL"
	NotChecked Result = "not checked"
)

// Finding is how one rule turned out.
type Finding struct {
	Rule   string `json:"rule"`
	Result Result `json:"result"`
	Detail string `json:"detail"` // what was found, or why nothing was
}

// Report is what the vault showed.
type Report struct {
	Key      vault.Key
	Proof    proof.Proof
	Findings []Finding
	Copies   vault.Copies
}

// Read asks the vault about the subject. An error means that the vault did not
// answer, or that it does not hold this key; what it holds otherwise than
// approved is in the report's findings.
func Read(ctx context.Context, v Vault, s Subject) (Report, error) {
	var r Report
	var err error
	if r.Key, err = v.Key(ctx, s.Name, s.Version); err != nil {
		return r, err
	}
	if r.Proof, err = v.ProveTo(ctx, r.Key, s.Key, s.Nonce); err != nil {
		return r, elsewhere(ctx, v, s, r.Key, err)
	}
	r.add(RuleProof, Pass, proved(r.Proof))
	r.compare(s)
	return r, r.search(ctx, v, s)
}

// elsewhere says which version is the one, where the current one is another key.
func elsewhere(ctx context.Context, v Vault, s Subject, current vault.Key, err error) error {
	if exitcode.Of(err) != exitcode.Check || s.Key.PublicKey == nil || s.Version != "" {
		return err
	}
	older, found, failed := v.Find(ctx, s.Name, s.Key)
	if failed != nil || !found || older.ID.Equal(current.ID) {
		return err
	}
	return exitcode.Hint(err, "--version %s is the package's key; it is not the current version", older.ID.Version)
}

func (r *Report) add(rule string, result Result, detail string) {
	r.Findings = append(r.Findings, Finding{rule, result, detail})
}

func passIf(ok bool) Result {
	if ok {
		return Pass
	}
	return Fail
}

// compare holds what the vault says of the key to what the quorum approved.
func (r *Report) compare(s Subject) {
	detail := "enabled"
	if !r.Key.Enabled {
		detail = "disabled"
	}
	r.add(RuleEnabled, passIf(r.Key.Enabled), detail)
	if s.Approved == nil {
		return
	}
	switch {
	case s.HSM.Verified():
		r.add(RuleHSM, Pass, s.HSM.String())
	case s.HSM != nil:
		r.add(RuleHSM, NotChecked, s.HSM.String())
	}
	for _, c := range approval.Compare(*s.Approved, seen(r.Key)) {
		r.add(c.Rule, passIf(c.Same), c.String())
	}
}

// seen is a key of a vault in the terms of an authorization.
func seen(k vault.Key) statement.Target {
	t := statement.Target{Vault: k.ID.Vault, Name: k.ID.Name, KeyOps: k.Ops, Exportable: k.Exportable}
	if len(k.ReleasePolicy) > 0 {
		t.ReleasePolicy = fingerprint.Of(k.ReleasePolicy)
	}
	return t
}

// search looks for copies. Where the account may not list keys, the rule is not
// checked, and the other findings stand.
func (r *Report) search(ctx context.Context, v Vault, s Subject) error {
	var err error
	r.Copies, err = v.Copies(ctx, r.Key.ID, vault.Import{Expected: s.Key, Blob: s.Blob})
	var answer *azure.Error
	if errors.As(err, &answer) && answer.Status == http.StatusForbidden {
		r.add(RuleCopies, NotChecked, "the account may not list the vault's keys")
		return nil
	}
	if err != nil {
		return err
	}
	ok, detail := r.compareCopies(s)
	r.add(RuleCopies, passIf(ok), detail)
	return nil
}

// compareCopies fails for a copy that may do more, or under another name, than
// the quorum approved.
func (r *Report) compareCopies(s Subject) (ok bool, detail string) {
	ok, detail = true, fmt.Sprintf("none among %d other versions in the vault", r.Copies.Looked)
	var all []string
	for _, k := range r.Copies.Found {
		text := k.ID.String()
		if found := s.unapproved(seen(k)); found != "" {
			ok, text = false, text+" ("+found+")"
		}
		all = append(all, text)
	}
	if len(all) > 0 {
		detail = "the same key is in the vault as " + strings.Join(all, ", ") + " too"
	}
	if n := len(r.Copies.Unread); n > 0 {
		detail += fmt.Sprintf("; %d more are disabled and cannot be read", n)
	}
	return ok, detail
}

// unapproved says in what a copy differs from the approval, and is "" if it is as
// any of the approvals says, or if there is none.
func (s Subject) unapproved(copied statement.Target) string {
	same := func(t statement.Target) bool { return approval.Differences(t, copied) == "" }
	if s.Approved == nil || slices.ContainsFunc(s.Others, same) {
		return ""
	}
	return approval.Differences(*s.Approved, copied)
}

// proved says in words how the key proved itself.
func proved(p proof.Proof) string {
	how := map[string]string{
		proof.MethodSign:       "it signed a fresh challenge, and the key made offline verifies it",
		proof.MethodDecrypt:    "it decrypted a fresh challenge",
		proof.MethodUnwrap:     "it unwrapped a fresh challenge",
		proof.MethodCheckValue: "its check value is the one made offline",
	}[p.Method]
	return how + " (" + p.Algorithm + ")"
}

// Err returns nil unless a rule failed, and otherwise, with status Check, each
// one that did. A rule that was not checked is not a failure: show it.
func (r Report) Err() error {
	var all []error
	for _, f := range r.Findings {
		if f.Result == Fail {
			all = append(all, fmt.Errorf("key %v: %s: %s", r.Key.ID, f.Rule, f.Detail))
		}
	}
	if len(all) == 0 {
		return nil
	}
	return exitcode.Errorf(exitcode.Check, "%w", errors.Join(all...)).
		Hint("do not use this key; delete what was not approved, or have a quorum approve it")
}
