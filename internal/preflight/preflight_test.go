package preflight_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/kek"
	"byok/internal/preflight"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/testkit/softhsm"
	"byok/internal/testkit/softworld"
	"byok/internal/testkit/yubichain"
	"byok/internal/toolset"
)

const (
	quorumOf     = " --card card1 --card card3"
	packages     = " --kek premium.kek --world-package premium.world --key-friendly-name K"
	subscription = " --subscription-id 5f1b1f9e-7a54-4a40-b1ad-1b0d5e5b8f10"
	noCards      = "give --card DIR once per card"
)

// TestRefused goes through what each command refuses before it asks anybody:
// there is nobody to ask, and a question would be another error.
func TestRefused(t *testing.T) {
	s := newStage(t)
	s.made("other", "foreign")
	ok(t, os.Mkdir("more", 0o700))
	s.packages("expired", kek.ServiceVault, func(k *toolset.KEKPackage) {
		k.Created = stamp.Of(time.Now().Add(-48 * time.Hour))
		k.Expires = stamp.Of(time.Now().Add(-24 * time.Hour))
	})
	ok(t, os.WriteFile("file", nil, 0o600))
	ok(t, os.WriteFile("garbled", []byte("-----BEGIN CERTIFICATE-----\n"), 0o600))
	attestation := yubichain.New(30000001)
	public, err := yubichain.NewPublic()
	ok(t, err)
	_, err = attestation.Attest(public)
	ok(t, err)
	ok(t, os.WriteFile("root", []byte(attestation.Root()), 0o600))
	s.refuses([]refusal{
		{"key generate --ident new --kmdata nowhere" + quorumOf, exitcode.Usage, "DIR/nowhere/local/world: there is no security world",
			"byok-offline world create, or name its folder with --kmdata"},
		{"key generate --ident UPPER" + quorumOf, exitcode.Usage, `key identifier "UPPER": expected digits, dashes and lower-case letters`, ""},
		{"key generate --ident rsa" + quorumOf, exitcode.Refused,
			"DIR/kmdata/local/key_simple_rsa: there is a key of that name already", "choose another --ident, or byok-offline key list"},
		{"key generate --ident new --replaces nosuch" + quorumOf, exitcode.Usage,
			"DIR/kmdata/local/key_simple_nosuch: there is no such key in this world",
			"byok-offline key list shows the keys that --replaces can name"},
		{"key generate --ident new --card card1", exitcode.Refused, "cards of set 1: 1 given, 2 needed", "give --card once for each of 2 cards"},
		{"key generate --ident new --card card1 --card blank", exitcode.Refused, "blank: blank card, no byok-card.age in it",
			"insert the medium with the card, or name the folder the card is in"},
		{"key generate --ident new --card card1 --card nowhere", exitcode.Refused, "nowhere: no such folder",
			"insert and mount the medium for this card"},
		{"key generate --ident new --card card1 --card foreign2", exitcode.Refused, "foreign2: card 2 (Bob) belongs to a different security world than DIR/kmdata (hknso OTHER, not THIS)",
			"name that world's folder with --kmdata, or use a card of this world"},
		{"key generate --ident new --pin-file nowhere" + quorumOf, exitcode.Usage, "nowhere: no such file", ""},
		{"key generate --ident new --pin-file open" + quorumOf, exitcode.Refused, "open: others have access to it (mode 0644)", "chmod 600 open"},
		{"key generate --ident new word" + quorumOf, exitcode.Usage, `key generate: unexpected argument "word"`, "test key generate --help"},
		{"world reset-pin", exitcode.Usage, "world reset-pin needs the administrator cards", noCards},
		{"world recover", exitcode.Usage, "world recover needs the administrator cards", noCards},
		{"world replace-cards --card blank", exitcode.Refused, "blank: blank card, no byok-card.age in it",
			"insert the medium with the card, or name the folder the card is in"},
		{"world check --card nowhere", exitcode.Refused, "nowhere: no such folder", "insert and mount the medium for this card"},
		{"world change-pin --new-pin-file nowhere", exitcode.Usage, "nowhere: no such file", ""},
		{"module accept --card card1", exitcode.Refused, "cards of set 1: 1 given, 2 needed", "give --card once for each of 2 cards"},
		{"module strike-off --module none" + quorumOf, exitcode.Check, `no statement of this world names the module "none"`, ""},
		{"key restore" + quorumOf, exitcode.Usage, "key restore needs --ident NAME, once per key, or --all", ""},
		{"key restore --ident nosuch" + quorumOf, exitcode.Usage, "DIR/kmdata/local/key_simple_nosuch: there is no such key in this world",
			"byok-offline key list shows the keys of this world"},
		{"key retire --ident nosuch", exitcode.Usage, "DIR/kmdata/local/key_simple_nosuch: there is no such key in this world",
			"byok-offline key list shows the keys of this world"},
		{"key retire --ident retired", exitcode.Refused, "key_simple_retired was retired on DATE, and is not on the HSM",
			"byok-offline key restore --ident retired --card DIR … brings it back from its backup"},
		{"key freeze --ident frozen" + quorumOf, exitcode.Refused, "key_simple_frozen is frozen already", ""},
		{"key freeze --ident retired" + quorumOf, exitcode.Refused, "key_simple_retired was retired on DATE, and is not on the HSM",
			"byok-offline key restore --ident retired --card DIR … brings it back from its backup"},
		{"acl modify --ident nosuch" + quorumOf + packages, exitcode.Usage, "DIR/kmdata/local/key_simple_nosuch: there is no such key in this world",
			"byok-offline key list shows the keys of this world"},
		{"acl modify --ident retired" + quorumOf + packages, exitcode.Refused, "key_simple_retired was retired on DATE, and is not on the HSM",
			"byok-offline key restore --ident retired --card DIR … brings it back from its backup"},
		{"acl modify --ident frozen" + quorumOf + packages, exitcode.Refused,
			"key_simple_frozen is frozen: it cannot be wrapped any more",
			"retire it and restore it from its backup, which stays whole"},
		{"acl modify --ident rsa" + quorumOf + strings.ReplaceAll(packages, "premium", "expired"), exitcode.Check, "BYOK-KEK-pkg-CONTOSO-1: the KEK is refused by KEK-EXPIRY", ""},
		{"acl modify --ident rsa" + quorumOf + strings.ReplaceAll(packages, "premium.kek", "nowhere"), exitcode.Usage, "nowhere: no such file", ""},
		{"acl modify --ident rsa" + quorumOf + packages + " --key-op dance", exitcode.Usage, "--key-op dance: for RSA-2048 it is one of encrypt, decrypt, sign, verify, wrapKey, unwrapKey", ""},
		{"acl modify --ident rsa --hsm-attestation nowhere" + quorumOf + packages, exitcode.Usage, "nowhere: no such file", ""},
		{"acl modify --ident rsa --hsm-attestation file" + quorumOf + packages, exitcode.Usage,
			"file: 0 bytes: an attestation has 1 to 262144", ""},
		{"acl modify --ident rsa --hsm-attestation garbled" + quorumOf + packages, exitcode.Check,
			"garbled: HSM-KEY-FORMAT: text that is not a certificate in PEM",
			"attach the attestation of this key by this device, or none"},
		{"acl modify --ident rsa --ident aes --hsm-attestation pin" + quorumOf + packages, exitcode.Usage,
			"--hsm-attestation: it is of one key, and 2 are named", "approve the key that it is of by a command of its own"},
		{"acl modify --ident rsa --hsm-attestation-root nowhere" + quorumOf + packages, exitcode.Usage, "nowhere: no such file", ""},
		{"acl modify --ident rsa --hsm-attestation-root file" + quorumOf + packages, exitcode.Usage,
			"file: the rehearsal's root is not one certificate in PEM", ""},
		{"acl modify --ident rsa --hsm-attestation-root root" + quorumOf + packages, exitcode.Usage,
			"--hsm-attestation-root needs --hsm-attestation", ""},
		{"acl modify --ident rsa --card card1" + packages, exitcode.Refused, "cards of set 1: 1 given, 2 needed",
			"give --card once for each of 2 cards"},
		{"acl print --ident nosuch", exitcode.Usage, "DIR/kmdata/local/key_simple_nosuch: there is no such key in this world",
			"byok-offline key list shows the keys of this world"},
		{"package --ident rsa --out nowhere" + subscription, exitcode.Refused, "nowhere: no such folder", "mkdir nowhere"},
		{"package --ident rsa --out file" + subscription, exitcode.Refused, "file: cannot be written to: not a folder", "name a folder that you may write to"},
		{"package --ident rsa --out out" + subscription, exitcode.Usage, "no quorum approved key_simple_rsa",
			"byok-offline acl modify --ident rsa -k KEKPKG -w SWPKG --card DIR …"},
		{"card passphrase --card blank", exitcode.Refused, "blank: blank card, no byok-card.age in it",
			"insert the medium with the card, or name the folder the card is in"},
		{"toolset install --to out", exitcode.Usage, "toolset install takes one ZIP, not 0", "test toolset install --help"},
		{"toolset install --to out nowhere", exitcode.Usage, "nowhere: no such file", ""},
		{"toolset install --to pin file", exitcode.Refused, "pin: not a folder", "name a folder with --to, which is made if it is not there"},
		{"world check --card card1 --card-pin-file pin --card-pin-file pin", exitcode.Usage,
			"1 --card and 2 --card-pin-file: expected one file per card, in the same order", ""},
		{"world check --card foreign1", exitcode.Refused,
			"foreign1: card 1 (Alice) belongs to a different security world than DIR/kmdata (hknso OTHER, not THIS)",
			"name that world's folder with --kmdata, or use a card of this world"},
		{"acl modify --ident rsa --world-package premium.world --key-friendly-name K" + quorumOf, exitcode.Usage,
			"acl modify needs --kek", "test acl modify --help"},
		{"acl modify --ident rsa --kek premium.kek --key-friendly-name K" + quorumOf, exitcode.Usage,
			"acl modify needs --world-package", "test acl modify --help"},
		{"ceremony seal --card card1", exitcode.Refused, "cards of set 1: 1 given, 2 needed", "give --card once for each of 2 cards"},
		{"ceremony bundle --pin-file nowhere", exitcode.Usage, "nowhere: no such file", ""},
		{"world create --module-path nowhere --card blank --card out --card more --kmdata new", exitcode.Usage, "PKCS#11 library DIR/nowhere: no such file or directory",
			"give the vendor's PKCS#11 library with --module-path, such as /usr/lib/softhsm/libsofthsm2.so"},
	})
}

// TestPassed: what is in order passes, and the command knows what was read.
func TestPassed(t *testing.T) {
	s := newStage(t)
	for line, knows := range map[string]func(*preflight.Facts) bool{
		"key generate --ident new" + quorumOf:                      func(f *preflight.Facts) bool { return f.Ident == "new" },
		"key generate --ident new --without-quorum --pin-file pin": func(f *preflight.Facts) bool { return len(f.Media) == 0 },
		"key restore --all" + quorumOf:                             func(f *preflight.Facts) bool { return len(f.Restorable) == 4 },
		"key restore --ident rsa --ident aes" + quorumOf:           func(f *preflight.Facts) bool { return len(f.Restorable) == 2 },
		"key freeze --ident rsa" + quorumOf:                        func(f *preflight.Facts) bool { return len(f.Restorable) == 1 },
		"key retire --ident rsa":                                   func(f *preflight.Facts) bool { return f.Key.Ident == "rsa" },
		"acl modify --ident rsa" + quorumOf + packages:             func(f *preflight.Facts) bool { return f.Target.Name == "K" && f.Target.Vault != "" },
		"acl modify --ident rsa --hsm-attestation pin" + quorumOf + packages: func(f *preflight.Facts) bool {
			return f.Attestation.File == "pin" && len(f.Attestation.Data) > 0
		},
		"world replace-cards --card card1":                          func(f *preflight.Facts) bool { return f.Chain != nil },
		"world check --card card2":                                  func(f *preflight.Facts) bool { return f.Chain != nil },
		"ceremony seal":                                             func(f *preflight.Facts) bool { return f.Chain != nil },
		"card passphrase --card card1":                              func(f *preflight.Facts) bool { return f.Chain == nil },
		"toolset install --to out pin":                              func(f *preflight.Facts) bool { return f.Chain == nil },
		"module strike-off --module " + s.world.Module() + quorumOf: func(f *preflight.Facts) bool { return f.Chain != nil },
	} {
		if o := s.run(line); o.err != nil || !knows(o.facts) {
			t.Errorf("%s: %v", line, o.err)
		}
	}
	const noAES = "warning: key_simple_aes is an AES key, and https://localhost:8443 is a vault of the Premium tier, " +
		"which takes RSA and EC keys alone"
	if o := s.run("acl modify --ident aes" + quorumOf + packages); o.err != nil || !strings.Contains(o.said, noAES) {
		t.Errorf("%v, %q", o.err, o.said)
	}
	if o := s.run("key generate --ident new --pubexp 3 --without-quorum --pin-file pin"); o.err != nil ||
		!strings.Contains(o.said, "warning: public exponent other than 65537: many HSMs, services and libraries take no such key") {
		t.Errorf("%v, %q", o.err, o.said)
	}
}

// TestFits: production refuses a key that the vault does not take.
func TestFits(t *testing.T) {
	s := newStage(t)
	var err error
	s.world, err = softworld.New(filepath.Join(s.dir, "production"), softworld.Options{})
	ok(t, err)
	s.key("aes", "AES-256")
	s.packagesOf("real", kek.ServiceVault, "https://contoso.vault.azure.net", kek.Production)
	line := "acl modify --kmdata production --ident aes" + quorumOf + strings.ReplaceAll(packages, "premium", "real")
	refused(t, line, s.plain(s.run(line)), exitcode.Refused,
		"key_simple_aes is an AES key, and https://contoso.vault.azure.net is a vault of the Premium tier, "+
			"which takes RSA and EC keys alone",
		"use the KEK of a Managed HSM, which takes AES keys")
}

// TestNewWorld: a library that is there, media that are blank, and a folder
// without a world.
func TestNewWorld(t *testing.T) {
	s := newStage(t)
	module, err := softhsm.Library()
	ok(t, err)
	for _, name := range []string{"a", "b", "c"} {
		ok(t, os.Mkdir(name, 0o700))
	}
	create := "world create --rehearsal --module-path " + module
	media := " --card a --card b --card c"
	if o := s.run(create + media + " --kmdata new"); o.err != nil {
		t.Error(o.err)
	}
	refused(t, "two of three", s.run(create+" --card a --card b --kmdata new").err, exitcode.Usage,
		"quorum 2/3 needs 3 cards; given: 2 cards", "")
	refused(t, "a world", s.run(create+media).err, exitcode.Refused,
		filepath.Join(s.dir, "kmdata/local/world")+": a security world already exists and is never overwritten",
		"name another folder with --kmdata, or byok-offline world info")
	refused(t, "a card", s.run(create+" --card a --card b --card card1 --kmdata new").err, exitcode.Refused,
		"card 3: card1/byok-card.age: this card is not blank, and cards are never overwritten",
		"insert a blank medium, or remove that file if no world needs it")
}

// TestApproved: what a quorum approved before is said before anybody is called, and
// the package of it can be written.
func TestApproved(t *testing.T) {
	s := newStage(t)
	exchange, err := softworld.NewKEK("https://localhost:8443")
	ok(t, err)
	_, err = s.world.Transfer(softworld.Request{Ident: "rsa", Key: s.keys["rsa"], KEK: exchange, Name: "K"})
	ok(t, err)
	line := "acl modify --ident rsa" + quorumOf + packages
	const want = "approved this already: byok-offline package writes the package, without the cards; go on only for a second approval"
	if o := s.run(line); o.err != nil || !strings.Contains(o.said, want) {
		t.Errorf("%v, %q", o.err, o.said)
	}
	if o := s.run(strings.Replace(line, "friendly-name K", "friendly-name L", 1)); o.err != nil || strings.Contains(o.said, "already") {
		t.Errorf("another name: %v, %q", o.err, o.said)
	}
	if o := s.run("package --ident rsa --out out" + subscription); o.err != nil || len(o.facts.Packed.Paths) != 0 {
		t.Errorf("%v, %v", o.err, o.facts.Packed)
	}
}

// TestSwept: what a killed run was writing goes with the next one.
func TestSwept(t *testing.T) {
	s := newStage(t)
	const left = "kmdata/local/.key_simple_x.tmp-ABCDEFGHIJ27"
	ok(t, os.WriteFile(left, nil, 0o600))
	o := s.run("ceremony seal")
	ok(t, o.err)
	if _, err := os.Lstat(left); err == nil || !strings.Contains(o.said, left+" is gone: a run that was killed had left it") {
		t.Errorf("%v, %q", err, o.said)
	}
}

// TestClock warns of a clock that is behind a statement.
func TestClock(t *testing.T) {
	s := newStage(t)
	ok(t, s.later())
	if o := s.run("ceremony seal"); o.err != nil || !strings.Contains(o.said, "was signed at 2100-01-01T00:00:00Z: set the clock") {
		t.Errorf("%v, %q", o.err, o.said)
	}
}

// later signs a statement that is of a time to come.
func (s *stage) later() error {
	seal := &statement.Seal{}
	_, err := s.world.Sign(seal, func() {
		h := statement.HeaderOf(seal)
		h.Time = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
		statement.SetHeader(seal, h)
	})
	return err
}

// TestReady says who is needed, and what the cards are for.
func TestReady(t *testing.T) {
	s := newStage(t)
	for line, want := range map[string]string{
		"key generate --ident new" + quorumOf: "ready: 2 of 3 card holders are needed now, and the user PIN",
		"key retire --ident rsa":              "ready: the user PIN is needed now",
		"world reset-pin" + quorumOf:          "ready: 2 of 3 card holders are needed now",
	} {
		o := s.run(line)
		ok(t, o.err)
		said := s.saying(o.facts, func(f *preflight.Facts) { f.Ready(f.Chain.Modules()[0]) })
		if said != "test: "+want+"\n" {
			t.Errorf("%s: %q", line, said)
		}
	}
	for line, want := range map[string]string{
		"world recover":       "to recover the world onto another token",
		"world check":         "to check the card",
		"world replace-cards": "to replace the card set",
		"world reset-pin":     "to set a new user PIN",
		"module accept":       "to accept another library",
		"module strike-off --module " + s.world.Module(): "to strike off module " + s.world.Module(),
		"key generate --ident new":                       "to generate key new",
		"key freeze --ident rsa":                         "to freeze key rsa",
		"key restore --ident rsa":                        "to restore key rsa",
		"key restore --all":                              "to restore 4 keys",
		"key retire --ident rsa":                         "to destroy key rsa on the HSM",
		"acl modify --ident rsa" + packages:              "to trust KEK KEKforBYOK of https://localhost:8443 for rsa",
		"acl print --ident rsa":                          "for acl print",
		"ceremony seal":                                  "to sign the ceremony log",
	} {
		o := s.run(line + quorumOf)
		ok(t, o.err)
		o.facts.Ready(o.facts.Chain.Modules()[0])
		_, err := o.facts.UI.Passphrase(cards.Ask{Prompt: "passphrase of Alice's card in card1 (1 of 2)"})
		if err == nil || !strings.Contains(err.Error(), "passphrase of Alice's card in card1 (1 of 2), "+want+":") {
			t.Errorf("%s: %v", line, err)
		}
	}
	o := s.run("world recover" + quorumOf)
	ok(t, o.err)
	if said := s.saying(o.facts, (*preflight.Facts).ReadyToAccept); said != "test: ready: 2 of 3 card holders are needed now\n" {
		t.Errorf("%q", said)
	}
	if said := s.saying(o.facts, func(f *preflight.Facts) { f.ReadyForAll(f.Chain.Set().Cards.Quorum) }); said !=
		"test: ready: all 3 card holders are needed now\n" {
		t.Errorf("%q", said)
	}
}

// TestSoftware warns of a production world on a token that is software.
func TestSoftware(t *testing.T) {
	s := newStage(t)
	f := s.run("ceremony seal").facts
	soft := hsm.Token{Label: "byok", Initialised: true, Serial: "1", Manufacturer: "SoftHSM project", Model: "SoftHSM v2"}
	const want = `test: warning: token "byok" (serial 1) is software (SoftHSM project SoftHSM v2): whoever copies its files ` +
		"and learns the PIN has its keys; a production world belongs on an HSM\n"
	for _, c := range []struct {
		token     hsm.Token
		rehearsal bool
		want      string
	}{
		{soft, false, want},
		{soft, true, ""},
		{hsm.Token{Label: "byok", Manufacturer: "Marvell Semiconductors, Inc.", Model: "NITROX-III"}, false, ""},
	} {
		said := s.saying(f, func(f *preflight.Facts) { preflight.WarnOfSoftware(f.UI, c.token, c.rehearsal) })
		if said != c.want {
			t.Errorf("%q, want %q", said, c.want)
		}
	}
}
