package main

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm/shim"
	"byok/internal/toolset"
	"byok/internal/transfer"
)

const (
	rehearsalWarning = "warning: REHEARSAL world: nothing it makes is taken in production\n"
	failed           = "Result: FAILURE\n"
	takenUp          = "going on with the 3 cards of the interrupted run\n"
	probed           = "module key: every restriction read back, and none could be undone\n"
)

// named is how messages name the token "byok".
func named(serial string) string { return fmt.Sprintf("token %q (serial %s)", "byok", serial) }

func keepsPIN(serial string) string {
	return "warning: " + named(serial) + " keeps its SO PIN: whoever knew it before can still log in as SO, without the cards\n"
}

// TestInitialisedTokens is world create with --adopt and with --initialize, and
// a production world on SoftHSM.
func TestInitialisedTokens(t *testing.T) {
	eachOn(t, map[string]func(*testing.T, *station){
		"adopt": adopt, "adopt without a user PIN": adoptWithoutUserPIN, "refused": adoptRefuses, "adopt a weak module": adoptWeakModule, "zero padding": warnsOfPadding, "adopt goes on": adoptGoesOn,
		"initialize": initialize, "initialize goes on, InitToken": initializeGoesOn("kill"), "initialize goes on, SetPIN": initializeGoesOn("kill-after"),
	})
}

// adopt takes a token that the vendor's tool has initialised through the
// whole life of a world. The SO PIN is typed once, and then comes from the cards.
func adopt(t *testing.T, s *station) {
	path := s.soft(t)
	serial := s.initialised(t, path, "byok")
	create := s.creation(t, path) + " --adopt"
	asked := "present SO PIN of " + named(serial) + ": "
	expectSaid(t, s.talk(t, create, exchange{asked, "the old SO PIN\n"}), exitcode.Done,
		rehearsalWarning+keepsPIN(serial)+cardsWritten+named(serial)+" adopted, its SO PIN sealed under the cards\n"+probed)
	if got := s.serial(t, path, "byok"); got != serial {
		t.Errorf("serial %s, was %s", got, serial)
	}
	expectStrings(t, s.labels(t, path, "byok"), "byok-km", "byok-knso", "byok-knso")
	s.must(t, "key generate --ident k --type EC --pin-file pin")
	s.transfer(t, "first", "card1", "card3")
	s.must(t, "world replace-cards --acs-quorum 2/2 --pin-file pin"+s.readers("card1", "card2")+s.cards(t, "new-", "next", "D", "E"))
	s.transfer(t, "second", "next1", "next2")
	s.must(t, "world check --pin-file pin"+s.readers("next1", "next2"))
	r := s.run(t, s.modify(t)+s.readers("card1", "card2"))
	if r.status != exitcode.Refused || !strings.Contains(r.said, "error: "+s.path("card1")+": ") {
		t.Errorf("the old cards: %+v", r)
	}
	r = s.run(t, "world recover --label elsewhere --pin-file pin"+s.readers("next1", "next2"))
	expectSaid(t, r, exitcode.Refused, rehearsalWarning+"card read: card 1 (D), 1 of 2\ncard read: card 2 (E), 2 of 2\n"+
		"error: this world was adopted: its SO PIN belongs to one token and cannot be set on another\n")
	s.refusesTheSameToken(t, create, serial)
}

// refusesTheSameToken for another world.
func (s *station) refusesTheSameToken(t *testing.T, create, serial string) {
	t.Helper()
	s.cards(t, "", "blank", "A", "B", "C")
	create = strings.ReplaceAll(create, "/card", "/blank") + " --kmdata other --so-pin-file so"
	expectResult(t, s.run(t, create), result{exitcode.Refused, failed, rehearsalWarning + keepsPIN(serial) +
		"error: " + named(serial) + " holds a security world already: it has a key labelled byok-knso\n" +
		"hint: adopt another token, or name the kmdata folder of that world with --kmdata\n"})
	expectStrings(t, slices.Concat(s.files(t, "blank1"), s.files(t, "blank2"), s.files(t, "blank3")))
}

// transfer packages the key for the vault's KEK with these cards.
func (s *station) transfer(t *testing.T, name string, cards ...string) {
	t.Helper()
	s.must(t, s.modify(t)+s.readers(cards...))
	s.must(t, s.pack(t, name))
	if files := s.files(t, "out"); !slices.Contains(files, "KeyTransferPackage-"+name+".byok") {
		t.Errorf("packaged: %q", files)
	}
}

func (s *station) modify(t *testing.T) string {
	t.Helper()
	return "acl modify --ident k --pin-file pin" + s.kekFlags(t)
}

func (s *station) pack(t *testing.T, name string) string {
	t.Helper()
	return "package --ident k --pin-file pin --subscription-id 00000000-0000-0000-0000-000000000000 --key-friendly-name " + name + " --out " + s.folder(t, "out") + s.kekFlags(t)
}

// kekFlags name the packages of a rehearsal's KEK without attestation, made once.
func (s *station) kekFlags(t *testing.T) string {
	t.Helper()
	if s.kek == "" {
		s.kek = s.writeToolset(t, "https://localhost:8443", true)
	}
	return s.kek
}

// writeToolset makes packages for the KEK of a vault, and returns the flags
// that name and accept it.
func (s *station) writeToolset(t *testing.T, vault string, rehearsal bool) (flags string) {
	t.Helper()
	key := mustDo(rsa.GenerateKey(rand.Reader, 2048))(t)
	sum := mustDo(transfer.SPKIHash(&key.PublicKey))(t)
	world := mustDo(toolset.SecurityWorldPackage{
		Type: toolset.SecurityWorldType, Version: toolset.Version, Suffix: "TEST", Generation: 1, Rehearsal: rehearsal,
		Service: toolset.ServiceVault, Cloud: "AzurePublic", Vault: vault,
	}.Marshal())(t)
	kek := mustDo(toolset.KEKPackage{
		Type: toolset.KEKType, Version: toolset.Version, Suffix: "TEST", Generation: 1, Rehearsal: rehearsal, KeyOps: []string{"import"},
		KID:       mustDo(transfer.ParseKeyID(vault + "/keys/KEKforBYOK/00112233445566778899aabbccddeeff"))(t),
		PublicKey: mustDo(transfer.MarshalPublicKey(&key.PublicKey))(t),
		Created:   time.Now().UTC().Truncate(time.Second), SecurityWorld: fingerprint.Of(world),
	}.Marshal())(t)
	return " -k " + s.file(t, toolset.KEKName("TEST", 1), string(kek)) + " -w " + s.file(t, toolset.SecurityWorldName("TEST", 1), string(world)) +
		" --accept-unattested --fingerprint " + fingerprint.Sum(sum).String()
}

// readers are the flags of cards that exist.
func (s *station) readers(cards ...string) (flags string) {
	holders := map[string]string{"card1": "A", "card2": "B", "card3": "C", "next1": "D", "next2": "E"}
	for _, card := range cards {
		flags += " --card " + s.path(card) + " --card-pin-file passphrase" + holders[card]
	}
	return flags
}

// labels lists the objects on a token, as the vendor-neutral tool sees them.
func (s *station) labels(t *testing.T, path, token string) (labels []string) {
	t.Helper()
	for _, match := range regexp.MustCompile(`(?m)^ +label: +(.*)$`).FindAllStringSubmatch(s.objects(t, path, token, "12345678"), -1) {
		labels = append(labels, match[1])
	}
	slices.Sort(labels)
	return labels
}

func expectStrings(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// expectSaid compares all but stdout.
func expectSaid(t *testing.T, got result, status exitcode.Code, said string) {
	t.Helper()
	expectResult(t, got, result{status, got.out, said})
}

// adoptWithoutUserPIN sets one: it is asked for twice, as any new PIN.
func adoptWithoutUserPIN(t *testing.T, s *station) {
	path := s.soft(t)
	s.initialised(t, path, "other") // for its tool; the token in question has no user PIN
	out, err := s.command(tool(t, "pkcs11-tool", "opensc"), "--module", path, "--init-token", "--slot-index", "1", "--label", "byok", "--so-pin", "the old SO PIN").CombinedOutput()
	if err != nil {
		t.Fatalf("pkcs11-tool: %v\n%s", err, out)
	}
	create := strings.Replace(s.creation(t, path), " --pin-file "+s.path("pin"), "", 1)
	expectSaid(t, s.talk(t, create+" --adopt --so-pin-file so", exchange{`new user PIN for token "byok": `, "12345678\n"}, exchange{`new user PIN for token "byok", again: `, "12345678\n"}),
		exitcode.Done, rehearsalWarning+keepsPIN(s.serial(t, path, "byok"))+cardsWritten+named(s.serial(t, path, "byok"))+" adopted, its SO PIN sealed under the cards\n"+probed)
	expectStrings(t, s.labels(t, path, "byok"), "byok-km", "byok-knso", "byok-knso")
}

// adoptRefuses with nothing written, to card or token.
func adoptRefuses(t *testing.T, s *station) {
	path := s.soft(t)
	serial := s.initialised(t, path, "byok")
	create, asked := s.creation(t, path), "present SO PIN of "+named(serial)+": "
	pins := "; the token counts wrong PINs and will lock it after a few more\n"
	s.file(t, "wrong", "87654321\n")
	for name, c := range map[string]struct {
		line string
		talk []exchange
		want result
	}{
		"wrong SO PIN typed": {create + " --adopt", []exchange{{asked, "wrong\n"}}, result{exitcode.HSM, failed,
			rehearsalWarning + keepsPIN(serial) + "error: wrong SO PIN for " + named(serial) + " (CKR_PIN_INCORRECT)" + pins}},
		"no SO PIN typed": {create + " --adopt", []exchange{{asked, "\n"}}, result{exitcode.Usage, failed,
			rehearsalWarning + keepsPIN(serial) + "error: present SO PIN of " + named(serial) + ": empty\n"}},
		"nobody to ask": {create + " --adopt", nil, result{exitcode.Usage, failed,
			rehearsalWarning + keepsPIN(serial) + "error: cannot ask for the present SO PIN of " + named(serial) +
				": /dev/tty cannot be opened and standard input is not a terminal\nhint: give --so-pin-file FILE\n"}},
		"wrong user PIN": {strings.Replace(create, s.path("pin"), s.path("wrong"), 1) + " --adopt --so-pin-file so", nil, result{exitcode.HSM, failed,
			rehearsalWarning + keepsPIN(serial) + "error: wrong user PIN for " + named(serial) + " (CKR_PIN_INCORRECT)" + pins}},
		"no such token": {create + " --adopt --label other", nil, result{exitcode.Usage, failed,
			rehearsalWarning + "error: 0 initialised tokens are labelled \"other\", one is expected\nhint: byok-offline module list --module-path " + path + "\n"}},
		"both": {create + " --adopt --initialize", nil, result{exitcode.Usage, failed,
			"error: --adopt keeps a token as it is and --initialize destroys what is on it: one of them is expected\n"}},
		"neither": {create + " --so-pin-file so", nil, result{exitcode.Usage, failed,
			"error: --so-pin-file is for --adopt and --initialize: a free token's SO PIN is derived from the cards\n"}},
		"label taken": {create, nil, result{exitcode.Refused, failed,
			rehearsalWarning + "error: label \"byok\" is taken by a token that is initialised (serial " + serial + ")\nhint: choose another one with --label\n"}},
		"initialize, wrong serial": {create + " --initialize", []exchange{{s.question(serial), serial[:15] + "\n"}}, result{exitcode.Refused, failed,
			rehearsalWarning + "error: not confirmed: the answer was not \"" + serial + "\"\n"}},
		"initialize, nobody to ask": {create + " --initialize --so-pin-file so", nil, result{exitcode.Refused, failed,
			rehearsalWarning + "error: not confirmed: /dev/tty cannot be opened and standard input is not a terminal\n"}},
		"initialize, wrong SO PIN": {create + " --initialize", []exchange{{s.question(serial), serial + "\n"}, {asked, "wrong\n"}}, result{exitcode.HSM, failed,
			rehearsalWarning + "error: wrong SO PIN for " + named(serial) + " (CKR_PIN_INCORRECT)" + pins}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.talk == nil {
				expectResult(t, s.run(t, c.line), c.want)
			} else {
				expectResult(t, s.talk(t, c.line, c.talk...), c.want)
			}
			expectStrings(t, slices.Concat(s.files(t, "card1"), s.files(t, "card2"), s.files(t, "card3")))
			if objects := s.objects(t, path, "byok", "12345678"); objects != "" || s.serial(t, path, "byok") != serial {
				t.Errorf("the token is not as it was:\n%s", objects)
			}
		})
	}
	expectStrings(t, s.files(t, "kmdata/local"), ".held-by", "ceremony.jsonl")
}

func (s *station) question(serial string) string {
	return "everything on " + named(serial) + " will be destroyed (type \"" + serial + "\" to go on): "
}

// initialize destroys what is on the token; its SO PIN then is the cards'.
func initialize(t *testing.T, s *station) {
	path := s.soft(t)
	serial := s.initialised(t, path, "byok")
	s.storeKey(t, path)
	r := s.talk(t, s.creation(t, path)+" --initialize", exchange{s.question(serial), serial + "\n"}, exchange{"present SO PIN of " + named(serial) + ": ", "the old SO PIN\n"})
	now := s.serial(t, path, "byok")
	expectSaid(t, r, exitcode.Done, rehearsalWarning+cardsWritten+named(now)+" initialised, its SO PIN derived from the cards\n"+probed)
	s.wholeWorld(t, path)
}

// storeKey puts a key on the token that --initialize is to destroy.
func (s *station) storeKey(t *testing.T, path string) {
	t.Helper()
	out, err := s.command(tool(t, "pkcs11-tool", "opensc"), "--module", path, "--token-label", "byok", "--login", "--pin", "12345678", "--keygen", "--key-type", "AES:32", "--label", "old key").CombinedOutput()
	if err != nil {
		t.Fatalf("pkcs11-tool: %v\n%s", err, out)
	}
	expectStrings(t, s.labels(t, path, "byok"), "old key")
}

// wholeWorld wants a world alone on its token, which its cards open and the
// old SO PIN does not.
func (s *station) wholeWorld(t *testing.T, path string) {
	t.Helper()
	expectStrings(t, s.labels(t, path, "byok"), "byok-km", "byok-knso", "byok-knso")
	s.must(t, "key generate --ident k --type EC --pin-file pin")
	s.transfer(t, "name", "card1", "card2")
	serial := s.serial(t, path, "byok")
	r := s.run(t, "module check --pin-file pin --so-pin-file so --module-path "+path+" --with-test-keys "+serial)
	expectResult(t, r, result{exitcode.HSM, failed,
		"error: wrong SO PIN for " + named(serial) + " (CKR_PIN_INCORRECT); the token counts wrong PINs and will lock it after a few more\n"})
}

// initializeGoesOn after a kill between C_InitToken, which keeps the old SO
// PIN, and C_SetPIN, or right after that.
func initializeGoesOn(kill string) func(*testing.T, *station) {
	return func(t *testing.T, s *station) {
		path := s.soft(t)
		serial := s.initialised(t, path, "byok")
		path = s.shim(t, path)
		create := s.creation(t, path) + " --initialize --so-pin-file so"
		yes := exchange{s.question(serial), serial + "\n"}
		env := slices.Clone(s.env)
		s.setenv("SHIM_AT", "C_SetPIN")
		s.setenv("SHIM_DO", kill)
		if r := s.talk(t, create, yes); r.status != -1 { // a signal
			t.Fatalf("not killed: %+v", r)
		}
		s.env = env
		r := s.talk(t, create, yes)
		expectSaid(t, r, exitcode.Done, rehearsalWarning+takenUp+named(s.serial(t, path, "byok"))+" initialised, its SO PIN derived from the cards\n"+probed)
		s.wholeWorld(t, path)
	}
}

// shim puts the library that goes wrong before the real one.
func (s *station) shim(t *testing.T, path string) string {
	t.Helper()
	s.setenv("SHIM_MODULE", path)
	return shim.Build(t)
}

// adoptGoesOn: killed after the module key was made.
func adoptGoesOn(t *testing.T, s *station) {
	path := s.soft(t)
	serial := s.initialised(t, path, "byok")
	path = s.shim(t, path)
	create := s.creation(t, path) + " --adopt --so-pin-file so"
	env := slices.Clone(s.env)
	s.setenv("SHIM_AT", "C_GenerateKeyPair")
	s.setenv("SHIM_DO", "kill-after")
	if r := s.run(t, create); r.status != -1 {
		t.Fatalf("not killed: %+v", r)
	}
	s.env = env
	expectStrings(t, s.labels(t, path, "byok"), "byok-km", "byok-knso", "byok-knso")
	expectSaid(t, s.run(t, create), exitcode.Done, rehearsalWarning+keepsPIN(serial)+takenUp+named(serial)+" adopted, its SO PIN sealed under the cards\n"+probed)
	expectStrings(t, s.labels(t, path, "byok"), "byok-km", "byok-knso", "byok-knso")
	s.must(t, "world check --pin-file pin"+s.readers("card1", "card2", "card3"))
}

// adoptWeakModule before any card is written.
func adoptWeakModule(t *testing.T, s *station) {
	path := s.soft(t)
	serial := s.initialised(t, path, "byok")
	s.setenv("SHIM_WEAK", "trusted")
	create := s.creation(t, s.shim(t, path)) + " --adopt --so-pin-file so"
	expectResult(t, s.run(t, create), result{exitcode.HSM, failed, rehearsalWarning + keepsPIN(serial) +
		"error: " + named(serial) + " does not hold its restrictions: the operator could make a trusted wrapping key without the quorum\n" +
		"hint: use another module: byok-offline module check says what it lacks\n"})
	expectStrings(t, slices.Concat(s.files(t, "card1"), s.files(t, "card2"), s.files(t, "card3")))
	if found, _ := filepath.Glob(s.path("kmdata/local/world*")); found != nil {
		t.Errorf("left: %q", found)
	}
}

// warnsOfPadding, on the screen and in the log, in a production world.
func warnsOfPadding(t *testing.T, s *station) {
	path := s.soft(t)
	s.must(t, "world create --acs-quorum 1/1 --module-path "+path+" --pin-file "+s.file(t, "pin", "12345678\n")+s.cards(t, "", "card", "A"))
	s.kek = s.writeToolset(t, "https://contoso.vault.azure.net", false)
	s.must(t, "key generate --ident k --type EC --pin-file pin")
	const padding = "SoftHSM v2 2.6 wraps with up to seven zero bytes behind the key: whether the Azure service takes that is not documented, so send it a worthless key first"
	for _, r := range []result{s.must(t, s.modify(t)+s.readers("card1")), s.must(t, s.pack(t, "name"))} {
		if !strings.Contains(r.said, "warning: "+padding+"\n") {
			t.Errorf("no warning:\n%s", r.said)
		}
	}
	log := string(mustDo(os.ReadFile(s.path("kmdata/local/ceremony.jsonl")))(t))
	if got := strings.Count(log, `{"name":"warning","value":"`+padding+`"}`); got != 2 {
		t.Errorf("%d notes in the log:\n%s", got, log)
	}
}
