package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
)

// The states of a ceremony in which attacks are tried.
const (
	created   = "created"
	generated = "generated"
	modified  = "modified"
	packaged  = "packaged"
	recovered = "recovered"
	restored  = "restored"
	replaced  = "replaced"
	adopted   = "adopted"

	foreign = "another world" // of the same label: attacks take its files and cards
)

// reach is how a state is reached from another.
type reach struct {
	state, from string
	prepare     func(*stage, testing.TB)
	lines       []string
	cards       string // flags of the quorum that opens there
}

const (
	keyIdents = "rsa ec aes"
	oldCards  = "card1 card2"
	newCards  = "card4 card5"
	dealing   = " --acs-quorum 2/3 --rehearsal --holder Ada --holder Ben --holder Cleo --label " +
		"" + stageLabel + withPINs
)

// reaches lists the states, each after the one that it starts from. Of the
// three keys, the AES key is made without the quorum.
func reaches() []reach {
	quorum := withPINs + flagsOf("", oldCards) + " $LAST"
	dealt := dealing + flagsOf("", "card1 card2 card3") + " --module-path SHIM"
	return []reach{
		{created, "", nil, []string{"world create" + dealt}, oldCards},
		{generated, created, nil, []string{
			"key generate --ident rsa --type RSA" + quorum,
			"key generate --ident ec --type EC" + quorum,
			"key generate --ident aes --type AES --without-quorum" + withPINs,
		}, oldCards},
		{modified, generated, nil,
			eachKey("acl modify --ident IDENT --key-friendly-name Vault-IDENT --approve-unseen $KEK" + quorum), oldCards},
		{packaged, modified, nil, eachKey("package --ident IDENT --out out --subscription-id " + subscription + withPINs),
			oldCards},
		{recovered, generated, (*stage).blankToken, []string{
			"world recover --module-path SHIM --label " + stageLabel + quorum,
		}, oldCards},
		{restored, recovered, nil, []string{"key restore --all" + quorum}, oldCards},
		{replaced, generated, nil, []string{
			"world replace-cards --acs-quorum 2/2 --new-holder Dan --new-holder Eve" + quorum + flagsOf("new-", newCards),
		}, newCards},
		{adopted, "", (*stage).foreignToken, []string{
			"world create --adopt --so-pin-file secrets/so" + dealt, "key generate --ident ec --type EC" + quorum,
		}, oldCards},
		{foreign, "", nil, []string{"world create" + dealt, "key generate --ident ec --type EC" + quorum}, oldCards},
	}
}

const subscription = "00000000-0000-0000-0000-000000000000"

func eachKey(line string) (lines []string) {
	for _, ident := range strings.Fields(keyIdents) {
		lines = append(lines, strings.ReplaceAll(line, "IDENT", ident))
	}
	return lines
}

func stateNames() (names []string) {
	for _, r := range reaches() {
		if r.state != foreign {
			names = append(names, r.state)
		}
	}
	return names
}

// besieged keeps a ceremony in each state that a test has asked for, for every
// test of the program.
var besieged = struct {
	dir    string
	stages map[string]*stage
}{stages: map[string]*stage{}}

// raiseSiege removes what is kept. TestMain calls it.
func raiseSiege() {
	if besieged.dir != "" {
		_ = os.RemoveAll(besieged.dir)
	}
}

// inState returns a copy of the ceremony in the state. The copy knows the
// flags of a quorum of cards.
func inState(t testing.TB, state string) *stage {
	t.Helper()
	return kept(t, state).copied(t)
}

func kept(t testing.TB, state string) *stage {
	t.Helper()
	if besieged.stages[""] == nil {
		besieged.stages[""] = emptySiege(t)
	}
	if s := besieged.stages[state]; s != nil {
		return s
	}
	r := reachOf(t, state)
	s := kept(t, r.from).in(t, filepath.Join(besieged.dir, state))
	if r.prepare != nil {
		r.prepare(s, t)
	}
	for _, line := range r.lines {
		if out := s.patiently(t, s.filled(t, line)); out.status != exitcode.Done {
			t.Fatalf("%s: status %d\n%s", line, out.status, out.text)
		}
	}
	besieged.stages[state] = s
	return s
}

// patiently runs a command line. A free token has no serial, so that all of
// them share one lock, and the tests of other packages hold it at times.
func (s *stage) patiently(t testing.TB, line string, env ...string) (out ending) {
	t.Helper()
	for range 100 {
		if out = s.run(t, line, env...); !strings.Contains(out.text, ".lock is in use by a quorum session") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return out
}

func reachOf(t testing.TB, state string) reach {
	t.Helper()
	for _, r := range reaches() {
		if r.state == state {
			return r
		}
	}
	t.Fatalf("no state %q", state)
	return reach{}
}

// emptySiege is a stage that outlives its test, with a program, a shim and a KEK
// of its own.
func emptySiege(t testing.TB) *stage {
	t.Helper()
	besieged.dir = mustDo(os.MkdirTemp("", "byok-siege-"))(t)
	made := newStage(t)
	for _, name := range []string{"card5", "spare"} {
		if err := os.Mkdir(made.path(name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	mustWrite(t, made.path("secrets/card5"), []byte("passphrase of card5\n"))
	s := made.in(t, filepath.Join(besieged.dir, "empty"))
	s.binary, s.library = besieged.dir+"/byok-offline", besieged.dir+"/shim.so"
	for to, from := range map[string]string{s.binary: made.binary, s.library: made.library} {
		if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
			t.Fatalf("cp: %v\n%s", err, out)
		}
	}
	s.kek = newVaultKEK(t, besieged.dir, "KEKforBYOK")
	return s
}

// in is the same ceremony in the new folder dir.
func (s *stage) in(t testing.TB, dir string) *stage {
	t.Helper()
	to := *s
	to.dir = dir
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", s.dir+"/.", dir).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
	to.configure(t)
	return &to
}
