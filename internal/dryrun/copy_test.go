package dryrun

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestRehearsed: everything that is other in the copy is said, and nothing else is
// other.
func TestRehearsed(t *testing.T) {
	p := parsed(t,
		"world: contoso", "world: contoso\nexisting: true\nairgap: true",
		"library: /opt/p11.so", "library: /opt/p11.so, guard: login, token: adopt, network: true, rights_per_login: true, "+
			"vendor_quorum: two officers",
		"vaults: [v]}", `vaults: [v], not_before: 2126-12-01, exportable: true, release_policy: policy.json, replaces: older}
  - {ident: later, type: P-256, purpose: signs, vaults: [v], not_before: 2126-12-02, replaces: payroll}
  - {ident: now, type: P-256, purpose: signs, vaults: [v], not_before: 2026-01-01}`)
	before, err := encode(p)
	must(t, err)
	copied, changes, policies := rehearsed(p, time.Date(2126, 11, 30, 12, 0, 0, 0, time.UTC))
	want := []string{
		"rehearsal: true, and nothing that is made here counts",
		"existing: false, so the world is created first",
		"airgap: false; this computer is a connected one",
		"hsm: SoftHSM, in the place of HSM 7",
		"hsm.guard: left out; login is the HSM's own to show",
		"hsm.token: left out; adopt is the HSM's own to show",
		"hsm.network: left out; true is the HSM's own to show",
		"hsm.rights_per_login: left out; true is the HSM's own to show",
		"hsm.vendor_quorum: left out; two officers is the HSM's own to show",
		"holders[1].media: card-1, in the place of /media/a",
		"holders[2].media: card-2, in the place of /media/b",
		"stick: stick, in the place of /media/stick",
		"backup: backup, in the place of /media/backup",
		"vaults[1].address: a rehearsal vault, in the place of https://contoso.vault.azure.net",
		"keys[1].not_before: none, since 2126-12-01 is still to come, and not after the ceremony",
		"keys[1].release_policy: release-policy-1, a copy of policy.json",
		"keys[1].replaces: none, since older is not made by this plan",
	}
	if !slices.Equal(changes, want) {
		t.Errorf("%q", changes)
	}
	if len(policies) != 1 || policies["release-policy-1"] != "policy.json" {
		t.Errorf("%q", policies)
	}
	if copied.Airgap {
		t.Error("the copy refuses a connected computer")
	}
	if k := copied.Keys[1]; k.NotBefore != "2126-12-02" || k.Replaces != "payroll" || copied.Keys[2].NotBefore == "" {
		t.Errorf("%+v", copied.Keys)
	}
	if copied.Title != p.Title || copied.Quorum != p.Quorum || copied.Keys[0].Ident != "payroll" {
		t.Errorf("%+v", copied)
	}
	if after, err := encode(p); err != nil || string(after) != string(before) {
		t.Errorf("the plan itself has become\n%s%v", after, err)
	}
}

// TestRehearsalAlready: a rehearsal's plan stays one, without a word.
func TestRehearsalAlready(t *testing.T) {
	_, changes, _ := rehearsed(parsed(t, "date:", "rehearsal: true\ndate:"), time.Now())
	if changes[0] != "hsm: SoftHSM, in the place of HSM 7" {
		t.Errorf("%q", changes)
	}
}

// TestPolicies: a release policy lies beside the plan, or where its path says.
func TestPolicies(t *testing.T) {
	beside, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "b.json")
	must(t, os.WriteFile(filepath.Join(beside, "a.json"), []byte("a"), 0o600))
	must(t, os.WriteFile(elsewhere, []byte("b"), 0o600))
	s := scratch{dir: t.TempDir()}
	r := &run{Config: Config{File: filepath.Join(beside, "plan.yaml")}, policies: map[string]string{"1": "a.json", "2": elsewhere}}
	must(t, s.copyPolicies(r))
	for name, want := range map[string]string{"1": "a", "2": "b"} {
		if got, err := os.ReadFile(s.path(name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
