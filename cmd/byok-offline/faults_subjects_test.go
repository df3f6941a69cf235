package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/testkit/ramdisk"
)

// subject is a command that must survive every fault, and what it starts from.
type subject struct {
	name    string
	after   string                   // the subject that has run before; "" is an empty stage
	prepare func(*stage, testing.TB) // done to the stage first
	line    string
	again   exitcode.Code // how the same command may end when everything was done, beside Done
	finish  string        // a command that follows before the world is whole
	pin     string        // file of the user PIN that is then in force
	cards   string        // flags of cards that then open
	noWorld bool          // it needs none
}

// subjects are all commands that change token, files or cards. $LAST names the
// last statement as it is on paper before the command, $MODULE the first module.
func subjects() []subject {
	const alice, carol = "card1 card2", "card3 card4"
	two, next := flagsOf("", alice), flagsOf("", carol)
	session := withPINs + two + " $LAST"
	dealt := " --acs-quorum 2/2 --rehearsal --holder Alice --holder Bob --label " + stageLabel + withPINs + two
	replaced := " --acs-quorum 2/2 --new-holder Carol --new-holder Dave" + flagsOf("new-", carol)
	return []subject{
		{name: "world create", again: exitcode.Refused, line: "world create --module-path SHIM" + dealt},
		{name: "world adopt", prepare: (*stage).foreignToken, again: exitcode.Refused,
			line: "world create --adopt --so-pin-file secrets/so --module-path SHIM" + dealt},
		{name: "key generate", after: "world create", again: exitcode.Refused,
			line: "key generate --ident contosokey --type EC" + session},
		{name: "key generate alone", after: "world create", again: exitcode.Refused,
			line: "key generate --ident contosoaes --type AES --without-quorum" + withPINs},
		{name: "acl modify", after: "key generate",
			line: "acl modify --ident contosokey --key-friendly-name Contoso --approve-unseen $KEK" + session},
		{name: "package", after: "acl modify",
			line: "package --ident contosokey --subscription-id 00000000-0000-0000-0000-000000000000 --out out" + withPINs},
		{name: "key retire", after: "key generate", again: exitcode.Refused,
			line: "key retire --ident contosokey --really-destroy contosokey" + withPINs},
		{name: "key restore", after: "key retire", again: exitcode.Refused, line: "key restore --ident contosokey" + session},
		{name: "key freeze", after: "key generate", line: "key freeze --ident contosokey" + session, again: exitcode.Refused},
		{name: "world recover", after: "key generate", prepare: (*stage).blankToken, finish: "key restore --all" + session,
			again: exitcode.Refused, line: "world recover --module-path SHIM --label " + stageLabel + session},
		{name: "key restore all", after: "world recover", line: "key restore --all" + session},
		{name: "module strike-off", after: "world recover", finish: "key restore --all" + session, again: exitcode.Refused,
			line: "module strike-off --module $MODULE --reason lost" + session},
		{name: "module accept", after: "key generate", line: "module accept --module-path SHIM" + session},
		{name: "world replace-cards", after: "key generate", again: exitcode.Refused,
			line: "world replace-cards" + session + replaced, cards: next},
		{name: "world reset-pin", after: "key generate", pin: "newpin",
			line: "world reset-pin --new-pin-file secrets/newpin" + two + " $LAST"},
		{name: "world change-pin", after: "key generate", pin: "newpin", again: exitcode.HSM,
			line: "world change-pin --new-pin-file secrets/newpin" + withPINs},
		{name: "world check", after: "key generate", line: "world check" + withPINs + two},
		{name: "world backup", after: "key generate", line: "world backup copy", again: exitcode.Refused},
		{name: "ceremony seal", after: "key generate", line: "ceremony seal" + withPINs},
		{name: "ceremony seal by quorum", after: "key generate", line: "ceremony seal" + session},
		{name: "card passphrase", after: "world create", again: exitcode.Refused,
			line:  "card passphrase --card card1 --card-pin-file secrets/card1 --new-card-pin-file secrets/newcard1",
			cards: " --card card1 --card-pin-file secrets/newcard1" + flagsOf("", "card2")},
		{name: "toolset install", prepare: (*stage).toolsetZip, again: exitcode.Refused, noWorld: true,
			line: "toolset install --to tools --sha256 $ZIP toolset.zip"},
	}
}

// inForce are the file of the user PIN, and the flags of cards, that serve once
// the subject has run.
func (s subject) inForce() (pin, cards string) {
	pin, cards = "secrets/pin", flagsOf("", "card1 card2")
	if s.pin != "" {
		pin = "secrets/" + s.pin
	}
	if s.cards != "" {
		cards = s.cards
	}
	return pin, cards
}

func flagsOf(prefix, folders string) string { return withFolders(prefix, strings.Fields(folders)...) }

// foreignToken initialises the token as a vendor's tool does: with an SO PIN
// of its own, and no user PIN.
func (s *stage) foreignToken(t testing.TB) {
	s.onToken(t, func(p *pkcs11.Ctx) {
		slots := mustDo(p.GetSlotList(true))(t)
		if err := p.InitToken(slots[0], "so-"+stagePIN, stageLabel); err != nil {
			t.Fatal(err)
		}
	})
}

// toolsetZip puts a toolset into the stage.
func (s *stage) toolsetZip(t testing.TB) {
	zip := mustDo(s.kek.pair.Zip())(t)
	mustWrite(t, s.path("toolset.zip"), zip)
}

// filled puts into a line what is only known on the stage.
func (s *stage) filled(t testing.TB, line string) string {
	t.Helper()
	if strings.Contains(line, "$LAST") {
		last := s.chain(t).Last()
		paper := fmt.Sprintf(`--last-statement "%d %s"`, last.Number(), last.Sum.FirstWords(1))
		line = strings.ReplaceAll(line, "$LAST", paper)
	}
	if strings.Contains(line, "$MODULE") {
		line = strings.ReplaceAll(line, "$MODULE", s.chain(t).Modules()[0].Module)
	}
	if strings.Contains(line, "$ZIP") {
		line = strings.ReplaceAll(line, "$ZIP", fingerprint.Of(mustDo(os.ReadFile(s.path("toolset.zip")))(t)).String())
	}
	return line
}

// chain reads the stage's statements.
func (s *stage) chain(t testing.TB) *kmdata.Chain {
	t.Helper()
	return mustDo(kmdata.Open(s.path("kmdata")))(t)
}

// repertoire makes the stages that subjects start from.
type repertoire struct {
	t     testing.TB
	blank *stage
}

// shelf keeps what subjects left, for every test of the run.
var shelf = struct {
	sync.Mutex
	packs map[string]stored
	kek   vaultKEK
}{packs: map[string]stored{}}

func newRepertoire(t testing.TB) *repertoire { return &repertoire{t: t, blank: bareStage(t)} }

// before is a stage on which the subject is about to run.
func (r *repertoire) before(s subject) *stage {
	on := r.after(s.after)
	if s.prepare != nil {
		s.prepare(on, r.t)
	}
	return on
}

// after is a stage of the caller's on which the subject has run; "" has run
// nowhere.
func (r *repertoire) after(name string) *stage {
	r.t.Helper()
	shelf.Lock()
	left, kept := shelf.packs[name]
	shelf.Unlock()
	if !kept {
		return r.run(name)
	}
	on := *r.blank
	on.dir, on.kek = ramdisk.Folder(r.t), shelf.kek
	left.unpack(r.t, &on)
	return &on
}

// run runs a subject and puts what it left on the shelf.
func (r *repertoire) run(name string) (on *stage) {
	r.t.Helper()
	if name == "" {
		on = newStage(r.t)
		shelf.kek = on.kek
	}
	for _, s := range subjects() {
		if s.name == name {
			on = r.before(s)
			on.must(r.t, on.filled(r.t, s.line))
		}
	}
	if on == nil {
		r.t.Fatalf("no subject %q", name)
	}
	shelf.Lock()
	defer shelf.Unlock()
	shelf.packs[name] = on.store(r.t)
	return on
}
