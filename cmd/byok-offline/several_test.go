package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/statement"
)

// idents are options for n keys.
func idents(n int) string {
	var line strings.Builder
	for i := range n {
		fmt.Fprintf(&line, " --ident k%d", i)
	}
	return line.String()
}

// says expects a status, one error in full, and the hint.
func (s *stage) says(t *testing.T, line string, status exitcode.Code, want, hint string, env ...string) ending {
	t.Helper()
	got := s.run(t, line, env...)
	text := strings.Join(got.errors, "")
	if got.status != status || text != "byok-offline: error: "+want+"\n" || !strings.Contains(got.text, hint) {
		t.Errorf("%.200s: status %d\n got %swant %s\n%s", line, got.status, text, want, got.text)
	}
	return got
}

// tells expects a JSON result of things that earlier runs did, and this one.
func (o ending) tells(t *testing.T, earlier, now int) {
	t.Helper()
	before, after := strings.Count(o.text, `"earlier": true`), strings.Count(o.text, `"earlier": false`)
	if before != earlier || after != now {
		t.Errorf("%d earlier, %d now:\n%s", before, after, o.text)
	}
}

// authorizations counts those of the stage's world.
func (s *stage) authorizations(t *testing.T) (n int) {
	for _, e := range s.chain(t).Entries() {
		if _, is := e.Statement.(*statement.Authorization); is {
			n++
		}
	}
	return n
}

// TestFullToken makes keys on a token that is full before the last of them: those
// before stay, nothing is made of the others, and the same command goes on once there
// is room.
func TestFullToken(t *testing.T) {
	s := newRepertoire(t).after("world create")
	const room = "BYOK_SHIM_ROOM=4" // KML is one of them
	line := "key generate --type EC" + theQuorum + idents(5)
	// The first run has tried the token at its login, and signed where the key comes from;
	// the second one finds the token full when it tries it.
	for _, c := range []struct{ want, left string }{
		{"k3: C_CopyObject of key_simple_k3: CKR_DEVICE_MEMORY", "3 done, 2 left"},
		{`k3: token "stage" (serial SERIAL) did not answer whether key_simple_k3 can be copied to the token ` +
			"with CKA_SENSITIVE=false (never in clear): CKR_ATTRIBUTE_READ_ONLY, but without the restriction it fails as well: " +
			"CKR_DEVICE_MEMORY", "0 done, 2 left"},
	} {
		full := s.run(t, line, room)
		full.oneClearLine(t, exitcode.HSM)
		hint := "byok-offline: hint: make room on the token, such as by byok-offline key retire, and give the same command again; " + c.left
		if got := s.anonymous(full); got != c.want || !strings.Contains(full.text, hint+"\n") {
			t.Errorf("got %s\nwant %s, %s\n%s", got, c.want, hint, full.text)
		}
		if last := s.chain(t).Last().Number(); last != 6 {
			t.Errorf("statement %d", last)
		}
	}
	again := s.must(t, line)
	for _, want := range []string{"3 of 5 keys made already, 2 left\n", "k3 is made, 1 of 2\n", "k4 is made, 2 of 2\n"} {
		if !strings.Contains(again.text, want) {
			t.Errorf("not %q:\n%s", want, again.text)
		}
	}
	s.sound(t, subject{})
}

// TestSeveralAtOnce gives the same command for several keys twice at the same time: the
// second is refused, and once the first has ended finds nothing to do.
func TestSeveralAtOnce(t *testing.T) {
	s := newRepertoire(t).after("world create")
	line := "key generate --type EC" + theQuorum + idents(3)
	first := s.stopped(t, line, "C_GenerateKeyPair")
	s.refuses(t, line, fmt.Sprintf("%s is in use by byok-offline key generate, process %d", s.path("kmdata"), first.Process.Pid))
	ended(t, first, syscall.SIGCONT)
	out := s.must(t, line+" --output json")
	if !strings.Contains(out.text, "3 of 3 keys made already, 0 left\n") {
		t.Error(out.text)
	}
	out.tells(t, 3, 0)
	s.sound(t, subject{})
}

// TestCardsRemoved takes the cards away in the middle of a session for several keys, and
// before it.
func TestCardsRemoved(t *testing.T) {
	s := newRepertoire(t).after("world create")
	line := "key generate --type EC" + theQuorum + idents(3)
	first := s.stopped(t, line, "C_GenerateKeyPair")
	for _, card := range []string{"card1", "card2"} {
		if err := os.Rename(s.path(card), s.path(card+"-away")); err != nil {
			t.Fatal(err)
		}
	}
	ended(t, first, syscall.SIGCONT) // the session has all that it needs of them
	s.says(t, line+" --ident k4", exitcode.Refused, "card1: no such folder",
		"byok-offline: hint: insert and mount the medium for this card\n")
	if got := len(mustDo(s.chain(t).Keys())(t)); got != 3 {
		t.Errorf("%d keys", got)
	}
}

// TestApprovedEarlier approves one of three keys first: the session for all of them leaves
// it out, and says so; once all are approved, nobody is asked.
func TestApprovedEarlier(t *testing.T) {
	s := newRepertoire(t).after("world create")
	s.must(t, "key generate --type EC"+theQuorum+idents(3))
	modify := "acl modify $KEK --approve-unseen" + theQuorum
	s.must(t, modify+" --ident k0 --key-friendly-name k0")
	out := s.must(t, modify+idents(3)+" --output json")
	for _, want := range []string{"1 of 3 approved already, 2 left\n", "k1 is wrapped, 1 of 2\n"} {
		if !strings.Contains(out.text, want) {
			t.Errorf("not %q:\n%s", want, out.text)
		}
	}
	out.tells(t, 1, 2)
	out = s.must(t, "acl modify $KEK --approve-unseen --card card1 --card card2"+idents(3))
	if !strings.Contains(out.text, "complete already: earlier sessions approved all of it, and nothing was to be done\n") {
		t.Error(out.text)
	}
	pack := "package --out out --subscription-id 00000000-0000-0000-0000-000000000000" + withPINs
	s.must(t, pack+" --ident k1")
	out = s.must(t, pack+idents(3)+" --output json")
	out.tells(t, 1, 2)
	if !strings.Contains(out.text, "k2 is packaged, 2 of 2\n") {
		t.Error(out.text)
	}
	copies := 0
	for i := range 3 {
		copies += len(mustDo(s.chain(t).Copies(fmt.Sprint("k", i)))(t))
	}
	if n := s.authorizations(t); n != 2 || copies != 3 {
		t.Errorf("%d authorizations, %d copies", n, copies)
	}
}

// TestTenThousand names 10,000 keys, of which the last is the first again: nothing is
// begun, by option and by plan.
func TestTenThousand(t *testing.T) {
	s := newRepertoire(t).after("world create")
	all := idents(9999) + " --ident k0"
	for _, line := range []string{
		"key generate --type EC" + theQuorum, "acl modify $KEK --approve-unseen" + theQuorum, "package --subscription-id x",
	} {
		s.says(t, line+all, exitcode.Usage, "--ident k0 is given twice", "")
	}
	var plan strings.Builder
	plan.WriteString(tenThousand)
	for i := range 10_000 {
		fmt.Fprintf(&plan, "  - {ident: k%d, type: P-256, purpose: signs, vaults: [one]}\n", i%9999)
	}
	mustWrite(t, s.path("plan.yaml"), []byte(plan.String()))
	s.says(t, "key generate --all --plan plan.yaml"+theQuorum, exitcode.Check,
		`plan.yaml: 2 findings; the first: line 10018: keys[10000].ident: "k0" is that of keys[1] already`,
		"byok-offline: hint: byok-offline ceremony check plan.yaml\n")
	if last := s.chain(t).Last().Number(); last != 2 {
		t.Errorf("statement %d", last)
	}
}

const tenThousand = `version: 1
title: Many
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
keys:
`
