package preflight_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/stamp"
	"byok/internal/testkit/softworld"
	"byok/internal/toolset"
)

const twoKEKs = " --kek premium.kek --world-package premium.world --kek second.kek --world-package second.world"

// several is the stage with a second KEK, and a plan whose keys go to both vaults.
func several(t *testing.T) *stage {
	s := newStage(t)
	s.suffix = "SECOND"
	s.packagesOf("second", kek.ServiceVault, "https://localhost:9443", kek.Rehearsal)
	ok(t, os.Mkdir("stick", 0o700))
	ok(t, os.WriteFile("plan.yaml", []byte(planText), 0o600))
	ok(t, os.WriteFile("policy.json", []byte("{}"), 0o600))
	return s
}

const planText = `version: 1
title: Two vaults
purpose: try it
location: here
date: 2126-12-01
rehearsal: true
approver: {name: Grace}
roles: [{role: ceremony administrator, name: Carl}, {role: operator, name: Olga}, {role: connected operator, name: Omar}]
world: contoso
quorum: 2/3
holders: [{name: Ada, media: card1}, {name: Ben, media: card2}, {name: Cid, media: card3}]
hsm: {model: SoftHSM, library: lib.so}
stick: stick
backup: backup
vaults:
  - {name: one, service: vault, address: "https://localhost:8443", subscription: 5f1b1f9e-7a54-4a40-b1ad-1b0d5e5b8f10,
     kek_name: KEKforBYOK, kek: CONTOSO, owner: {name: Vera}}
  - {name: two, service: vault, address: "https://localhost:9443", subscription: 5f1b1f9e-7a54-4a40-b1ad-1b0d5e5b8f11,
     kek_name: KEKforBYOK, kek: SECOND, owner: {name: Vera}}
keys:
  - {ident: rsa, name: First, type: RSA-2048, purpose: signs, operations: [sign], vaults: [one, two],
     exportable: true, release_policy: policy.json}
  - {ident: fresh, type: P-256, purpose: signs, vaults: [two]}
`

// TestSeveralRefused goes through what is refused of several keys, before the first.
func TestSeveralRefused(t *testing.T) {
	s := several(t)
	s.packages("expired", kek.ServiceVault, func(k *toolset.KEKPackage) {
		k.Created = stamp.Of(time.Now().Add(-48 * time.Hour))
		k.Expires = stamp.Of(time.Now().Add(-24 * time.Hour))
	})
	s.refuses([]refusal{
		{
			"acl modify --ident rsa --ident aes --kek premium.kek --world-package premium.world" +
				" --kek expired.kek --world-package expired.world" + quorumOf,
			exitcode.Check,
			"BYOK-KEK-pkg-SECOND-1: the KEK is refused by KEK-EXPIRY",
			"",
		},
		{"key generate --ident a --ident b --ident a" + quorumOf, exitcode.Usage, "--ident a is given twice", ""},
		{
			"key generate" + quorumOf,
			exitcode.Usage,
			"key generate needs --ident NAME, once per key, or --all with --plan",
			"test key generate --help",
		},
		{"key generate --all --ident a" + quorumOf, exitcode.Usage,
			"key generate needs --ident NAME, once per key, or --all with --plan", "test key generate --help"},
		{
			"key generate --all" + quorumOf,
			exitcode.Usage,
			"key generate: --all is every key of a plan",
			"--plan PLAN",
		},
		{"key generate --all --plan nowhere" + quorumOf, exitcode.Usage, "nowhere: no such file", ""},
		{
			"key generate --ident a --ident b --without-quorum",
			exitcode.Usage,
			"--without-quorum makes one key at a time",
			"",
		},
		{
			"key generate --ident a --ident b --plainname p" + quorumOf,
			exitcode.Usage,
			"--plainname is for one key, and 2 are named",
			"",
		},
		{"key generate --ident rsa --ident b --type EC" + quorumOf, exitcode.Refused,
			"key_simple_rsa is there already, and is RSA-2048, not the P-256 that is asked for",
			"choose another --ident, or byok-offline key list"},
		{"key generate --ident a --jobs 0" + quorumOf, exitcode.Usage, "--jobs 0: expected 1 to 64",
			"leave --jobs out for what the token allows"},
		{"key generate --ident a --jobs 65" + quorumOf, exitcode.Usage, "--jobs 65: expected 1 to 64",
			"leave --jobs out for what the token allows"},
		{"key generate --ident a --protect token" + quorumOf, exitcode.Usage,
			"--protect token: only module-protected keys can be transferred", "give --protect module"},
		{
			"acl modify --ident rsa --key-friendly-name K --kek premium.kek --kek second.kek --world-package premium.world" + quorumOf,
			exitcode.Usage,
			"2 --kek and 1 --world-package: expected one SecurityWorld package per KEK package, in the same order",
			"",
		},
		{
			"acl modify --ident rsa" + quorumOf + packages + " --kek premium.kek --world-package premium.world",
			exitcode.Usage,
			"KEK KID is given twice",
			"",
		},
		{"acl modify --ident rsa --ident aes" + twoKEKs + quorumOf + " --key-friendly-name K", exitcode.Usage,
			"2 keys and 1 --key-friendly-name: expected one name per key, in the same order, or none", ""},
		{
			"acl modify --ident rsa --ident aes" + twoKEKs + quorumOf + " --key-friendly-name K --key-friendly-name K",
			exitcode.Usage,
			"--key-friendly-name K is given twice",
			"",
		},
		{"acl modify --all --plan plan.yaml" + quorumOf + packages, exitcode.Usage,
			"DIR/kmdata/local/key_simple_fresh: there is no such key in this world",
			"byok-offline key list shows the keys of this world"},
		{"package --ident rsa", exitcode.Usage, "package needs --subscription-id", "test package --help"},
		{"package --ident rsa --subscription-id 5", exitcode.Usage, "--subscription-id 5: expected a UUID",
			"byok-online subscription list, on the connected workstation, shows it"},
		{"package --ident rsa" + twoKEKs + strings.Repeat(subscription, 3), exitcode.Usage,
			"2 KEKs and 3 --subscription-id: expected one for all, or one per KEK, in the same order",
			"byok-online subscription list, on the connected workstation, shows it"},
	})
}

// TestSeveralNamed spreads keys over KEKs, in the order in which both are named.
func TestSeveralNamed(t *testing.T) {
	s := several(t)
	o := s.run("acl modify --ident rsa --ident retired2" + twoKEKs + quorumOf)
	if o.err == nil {
		t.Error("a key that is not there")
	}
	o = s.run("acl modify --ident rsa --ident aes" + twoKEKs + quorumOf)
	ok(t, o.err)
	var got []string
	for _, order := range o.facts.Left() {
		got = append(got, order.Target.Name+" "+order.Target.Vault)
	}
	want := []string{
		"rsa https://localhost:8443", "rsa https://localhost:9443", "aes https://localhost:8443", "aes https://localhost:9443",
	}
	if !slices.Equal(got, want) || len(o.facts.KEKs) != 2 {
		t.Error(got)
	}
}

// TestOfPlan makes what of the plan is left, and has each key go where the plan says.
func TestOfPlan(t *testing.T) {
	s := several(t)
	o := s.run("key generate --all --plan plan.yaml" + quorumOf)
	ok(t, o.err)
	if len(o.facts.Generations) != 1 || o.facts.Generations[0].Ident != "fresh" ||
		!strings.Contains(o.said, "1 of 2 keys made already, 1 left") {
		t.Errorf("%v, %q", o.facts.Generations, o.said)
	}
	s.key("fresh", "P-256")
	exchange, err := softworld.NewKEK("https://localhost:9443")
	ok(t, err)
	_, err = s.world.Transfer(softworld.Request{Ident: "fresh", Key: s.keys["fresh"], KEK: exchange, Name: "fresh"})
	ok(t, err)
	o = s.run("acl modify --all --plan plan.yaml" + twoKEKs + quorumOf)
	ok(t, o.err)
	var got []string
	for _, order := range o.facts.Left() {
		got = append(
			got,
			fmt.Sprint(order.Target.Name, " ", order.Target.Vault, " ", order.Target.KeyOps, order.Target.Exportable),
		)
	}
	want := []string{"First https://localhost:8443 [sign] true", "First https://localhost:9443 [sign] true"}
	if !slices.Equal(got, want) || !strings.Contains(o.said, "1 of 3 approved already, 2 left") {
		t.Errorf("%q, %q", got, o.said)
	}
	ok(t, o.facts.ToPack())
	folders := []string{"stick/one", "stick/two", "stick/two"}
	for i, order := range o.facts.Orders {
		if order.Package.Dir != folders[i] || order.Package.Vault != order.Target.Vault {
			t.Errorf("%+v", order.Package)
		}
	}
	ok(t, o.facts.Folders())
	ok(t, o.facts.Folders())
	if written, left := o.facts.Packages(); len(written) != 0 || len(left) != 3 {
		t.Errorf("%v, %v", written, left)
	}
	refused(
		t,
		"a KEK for --all",
		s.plain(s.run("package --all --plan plan.yaml --kek premium.kek --world-package premium.world")),
		exitcode.Usage,
		"with --all the plan says which KEK a key was approved for",
		"",
	)
	o = s.run(
		"acl modify --all --plan plan.yaml" + quorumOf + strings.Replace(packages, " --key-friendly-name K", "", 1),
	)
	refused(t, "one KEK is missing", s.plain(o), exitcode.Refused,
		"rsa goes to two, and no KEK package is given that is of https://localhost:9443",
		"give -k and -w once per vault, in the same order")
}

// refusal is what a command's preflight refuses.
type refusal struct {
	line       string
	code       exitcode.Code
	text, hint string
}

func (s *stage) refuses(list []refusal) {
	s.t.Helper()
	for _, c := range list {
		o := s.run(c.line)
		refused(s.t, c.line, s.plain(o), c.code, c.text, c.hint)
		if _, err := os.Stat("nowhere"); err == nil {
			s.t.Fatalf("%s: makes a folder", c.line)
		}
	}
}
