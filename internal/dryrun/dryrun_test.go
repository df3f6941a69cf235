package dryrun

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/plan"
	"byok/internal/script"
)

const small = `version: 1
title: Small
purpose: one key for one vault
location: here
date: 2126-12-01
approver: {name: Grace}
roles: [{role: ceremony administrator, name: Carl}, {role: operator, name: Olga}, {role: connected operator, name: Omar}]
witnesses: [{name: Wanda}]
world: contoso
quorum: 1/2
holders: [{name: Ada, media: /media/a}, {name: Ben, media: /media/b}]
hsm: {model: HSM 7, library: /opt/p11.so}
stick: /media/stick
backup: /media/backup
vaults:
  - {name: v, service: vault, address: "https://contoso.vault.azure.net", kek_name: K, kek: V, owner: {name: Vera},
     subscription: 5f1b1f9e-7a54-4a40-b1ad-1b0d5e5b8f10}
keys:
  - {ident: payroll, type: P-256, purpose: signs, vaults: [v]}
`

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// parsed is the small plan with some of its text replaced.
func parsed(t *testing.T, change ...string) *plan.Plan {
	t.Helper()
	p, err := plan.Parse("plan.yaml", []byte(strings.NewReplacer(change...).Replace(small)))
	must(t, err)
	return p
}

// standIn writes a program that stands in for both: it answers as far as a dry run
// listens, does what is in the file "does" for the command in the file "at", and
// prints its words.
func standIn(t *testing.T, at, does string) string {
	t.Helper()
	dir := t.TempDir()
	const program = `#!/bin/sh
here=$(dirname "$0")
if [ "$1 $2" = "$(cat "$here/at")" ]; then . "$here/does"; fi
case "$1 $2" in
"version --output") echo '{"data": {"program": "byok-offline", "version": "1.2.3"}}'; exit ;;
"kek show") echo '{"data": {"kid": "https://localhost/keys/K/1", "spki_sha256": "'$(printf '%064d' 7)'"}}'; exit ;;
"world info") echo '{"data": {"hknso": "'$(printf '%064d' 8)'"}}'; exit ;;
"toolset build") : >stick/KeyVault-BYOK-Tools-V.zip ;;
esac
echo "$@"
`
	for name, text := range map[string]string{"at": at, "does": does} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	path := filepath.Join(dir, "byok-offline")
	must(t, os.WriteFile(path, []byte(program), 0o700))
	return path
}

// held holds the ceremony of a plan by a stand-in, in a folder that is kept.
func held(ctx context.Context, t *testing.T, p *plan.Plan, program string, say func(string)) (text, kept string, err error) {
	t.Helper()
	kept = filepath.Join(t.TempDir(), "kept")
	data, err := Hold(ctx, Config{
		Plan: p, File: filepath.Join(t.TempDir(), "plan.yaml"), SHA256: fingerprint.Of([]byte(small)),
		Online: program, Offline: program, Keep: kept,
		Say: func(format string, args ...any) { say(fmt.Sprintf(format, args...)) },
	})
	return string(data), kept, err
}

func silent(string) {}

// TestHold: every step in its order, and every file of the folder as it must be.
// What real programs print of a whole ceremony is in package ceremonytest.
func TestHold(t *testing.T) {
	var said []string
	p := parsed(t)
	text, kept, err := held(t.Context(), t, p, standIn(t, "", ""), func(s string) { said = append(said, s) })
	must(t, err)
	if !strings.HasPrefix(text, strings.Replace(smallHead, "NN", fmt.Sprint(len(script.Steps(p))), 1)) || !strings.HasSuffix(text, smallEnd) {
		t.Error(text)
	}
	for i, s := range script.Steps(p) {
		if title := fmt.Sprintf("\n== %d. %s\n%s\n", i+1, s.Title, s.Place); !strings.Contains(text, title) {
			t.Errorf("the transcript has no%s", title)
		}
	}
	if steps := len(script.Steps(p)); len(said) != steps || said[1] != fmt.Sprintf("step 2 of %d: The programs are the "+
		"reviewed ones", steps) {
		t.Errorf("%q", said)
	}
	for _, name := range []string{"pin", "card-1", "card-2"} {
		path := filepath.Join(kept, "secrets", name)
		info, err := os.Stat(path)
		must(t, err)
		secret, err := os.ReadFile(path)
		must(t, err)
		if info.Mode() != 0o600 || len(secret) < 20 || strings.Contains(text, strings.TrimSpace(string(secret))) {
			t.Errorf("%s: mode %v, %q", name, info.Mode(), secret)
		}
	}
}

const smallHead = `Dry run of a ceremony

title    Small
purpose  one key for one vault
plan     1 key for 1 vault in NN steps, on 2126-12-01
SHA-256  ff6b8626 90568535 52e52224 24ee8a90 3e48f2e6 f3ef6538 7d832190 e0292671

Every command was run on one computer, with SoftHSM and rehearsal vaults.

$  what people type, or > where that goes on
+  what answers in their place, and holds it to the plan
|  what was printed as the result
!  what was said to people

What differs in every run stands between « and ».

Other than in the plan, on this computer:
  - rehearsal: true, and nothing that is made here counts
  - hsm: SoftHSM, in the place of HSM 7
  - holders[1].media: card-1, in the place of /media/a
  - holders[2].media: card-2, in the place of /media/b
  - stick: stick, in the place of /media/stick
  - backup: backup, in the place of /media/backup
  - vaults[1].address: a rehearsal vault, in the place of https://contoso.vault.azure.net

== 1. Everybody is there, and is who the plan names
`

const smallEnd = `
== What was made
$ byok-offline key list
| key list
status 0
$ byok-offline ceremony verify
| ceremony verify
status 0
$ byok-online ceremony verify
| ceremony verify
status 0
On the stick:
  - stick/KeyVault-BYOK-Tools-V.zip

Result: SUCCESS
`

// TestNothingIsLeft: the folder goes with the dry run.
func TestNothingIsLeft(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	program := standIn(t, "", "")
	_, err := Hold(t.Context(), Config{Plan: parsed(t), Online: program, Offline: program, Say: func(string, ...any) {}})
	must(t, err)
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

var stepNumber = regexp.MustCompile(`^step [0-9]+`)

// TestStepFails: the status is the step's, and the error names it.
func TestStepFails(t *testing.T) {
	const refused = "echo 'byok: error: it is refused' >&2; exit 6"
	const undecided = "no field of the plan decides this step; the transcript has all that it said"
	const change = "the plan could change "
	const transcript = "; the transcript has all that the step said"
	for _, c := range []struct {
		name, at, does, err, hint string
		code                      exitcode.Code
	}{
		{"confine", "confine status", refused, "step N (The disconnected workstation is contained): it is refused",
			undecided, exitcode.Refused},
		{"KEK", "kek create", refused, "step N (Make the KEK of v): it is refused",
			change + "vaults[1].kek_name" + transcript, exitcode.Refused},
		{"key", "key generate", "exit 4", "step N (Generate payroll, signs (1 of 2 card holders)): it ended without an error",
			change + "keys[1].type" + transcript, exitcode.HSM},
		{"approval", "acl modify", "exit 77", "step N (Approve payroll for v (1 of 2 card holders)): exit status 77",
			change + "keys[1].name, operations or release_policy, or vaults[1].service" + transcript, exitcode.Failed},
		{"the KEK is not shown", "kek show", refused, "step N (Make the KEK of v): it is refused",
			change + "vaults[1].kek_name" + transcript, exitcode.Refused},
		{"no JSON", "world info", "echo no; exit", "step N (Create the security world, and deal the cards): " +
			"what world info says cannot be read: invalid character 'o' in literal null (expecting 'u')",
			change + "world, quorum or holders" + transcript, exitcode.Failed},
		{"no toolset", "toolset build", "exit", "step N (Install the toolset of v): KEPT/stick/KeyVault-BYOK-Tools-V.zip: no such file",
			change + "vaults[1].kek" + transcript, exitcode.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, kept, err := held(t.Context(), t, parsed(t), standIn(t, c.at, c.does), silent)
			want := strings.Replace(c.err, "KEPT", kept, 1)
			if err == nil || stepNumber.ReplaceAllString(err.Error(), "step N") != want || exitcode.HintOf(err) != c.hint || exitcode.Of(err) != c.code {
				t.Errorf("%v\nhint %s\nstatus %d", err, exitcode.HintOf(err), exitcode.Of(err))
			}
			if end := "\n" + strings.Replace(err.Error(), kept, "«scratch»", 1) + "\n" + c.hint + "\nResult: FAILURE\n"; !strings.HasSuffix(text, end) {
				t.Errorf("the transcript ends with\n%s", text[max(0, len(text)-600):])
			}
		})
	}
}

// TestInterrupted: before a command, and while one runs, which is told to end.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	between := func(s string) {
		if strings.HasPrefix(s, "step 4 ") {
			cancel()
		}
	}
	text, _, err := held(ctx, t, parsed(t), standIn(t, "", ""), between)
	const want = "step 4 (Make the KEK of v): interrupted"
	if err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Interrupted {
		t.Errorf("between: %v, status %d", err, exitcode.Of(err))
	}
	if !strings.HasSuffix(text, "\n"+want+"\nResult: FAILURE\n") {
		t.Error(text)
	}
	ctx, cancel = context.WithCancel(t.Context())
	running := filepath.Join(t.TempDir(), "running")
	does := "trap 'echo told; exit 130' INT; : >" + running + "; while :; do sleep 0.01; done"
	go func() {
		for _, err := os.Stat(running); err != nil && t.Context().Err() == nil; _, err = os.Stat(running) {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	text, _, err = held(ctx, t, parsed(t), standIn(t, "kek create", does), silent)
	if err == nil || err.Error() != want || !strings.Contains(text, "\n| told\nstatus 130\n") {
		t.Errorf("while it runs: %v\n%s", err, text)
	}
}

func TestNotBegun(t *testing.T) {
	here := t.TempDir()
	for _, c := range []struct {
		name   string
		plan   *plan.Plan
		config Config
		err    string
		code   exitcode.Code
	}{
		{"its folder is there", parsed(t), Config{Keep: here}, here + " already exists, and a dry run never overwrites anything",
			exitcode.Refused},
		{"its folder has no parent", parsed(t), Config{Keep: "/nowhere/x"}, "mkdir /nowhere/x: no such file or directory",
			exitcode.Failed},
		{"no policy", parsed(t, "purpose: signs", "purpose: signs, exportable: true, release_policy: none.json"),
			Config{File: "/nowhere/plan.yaml"}, "/nowhere/none.json: no such file", exitcode.Usage},
		{"a plan that cannot be", parsed(t, "1/2", "1/3"), Config{},
			"the plan cannot be held on this computer: quorum: 1/3 deals 3 cards, and 2 holders are named",
			exitcode.Check},
		{"no service", parsed(t, "service: vault", "service: bank"), Config{},
			"a rehearsal vault for v: service bank: expected managed-hsm or vault", exitcode.Usage},
	} {
		c.config.Plan, c.config.Say = c.plan, func(string, ...any) {}
		c.config.Online, c.config.Offline = "byok-online", "byok-offline"
		text, err := Hold(t.Context(), c.config)
		if err == nil || err.Error() != c.err || exitcode.Of(err) != c.code || text != nil {
			t.Errorf("%s: %v, status %d\n%s", c.name, err, exitcode.Of(err), text)
		}
	}
}
