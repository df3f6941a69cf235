package world

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/shim"
	"byok/internal/hsm/softhsm"
	"byok/internal/hsm/unprivileged"
	"byok/internal/quorum"
	"byok/internal/strictjson"
)

func TestCreate(t *testing.T) {
	p, w := newWorld(t)
	expectFiles(t, filepath.Join(p.kmdata, "local"), "world", "world.sig")
	for _, dir := range p.cards {
		expectFiles(t, dir, quorum.CardFile)
	}
	for _, path := range []string{p.path("world"), p.path("world.sig"), filepath.Join(p.cards[0], quorum.CardFile)} {
		if info := must[os.FileInfo](t)(os.Stat(path)); info.Mode() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
	}
	signed(t, w.KNSO.PublicKey, p.path("world"), p.path("world.sig"))
	p.expectOnToken(t)
	token := must[[]hsm.Token](t)(p.m.Labelled("test world"))[0]
	want := []string{
		"card 1 of 3 written and read back: Ada", "card 2 of 3 written and read back: Ben", "card 3 of 3 written and read back: Cleo",
		token.String() + " initialised, its SO PIN derived from the cards", "module key: every restriction read back, and none could be undone",
	}
	if !slices.Equal(p.said, want) {
		t.Errorf("said %q", p.said)
	}
}

func TestWorldFile(t *testing.T) {
	before := time.Now().UTC().Truncate(time.Second)
	p, w := newWorld(t)
	token := must[[]hsm.Token](t)(p.m.Labelled("test world"))[0]
	data := read(t, p.path("world"))
	if !strictjson.Equal(w.File, data) {
		t.Error("the world file is not the canonical encoding of what it says")
	}
	der := openssl(t, "pkey", "-pubin", "-in", write(t, []byte(w.KNSO.PublicKey)), "-outform", "DER")
	hknso := sha256.Sum256(der)
	want := File{
		Type: "byok-world", Version: 1, Rehearsal: true, Label: "test world", Suite: SuiteDefault,
		Module: Module{Library: p.m.Path, Manufacturer: "SoftHSM project", Model: "SoftHSM v2", Firmware: "2.6", Serial: token.Serial},
		Cards:  w.Cards, KNSO: w.KNSO, HKNSO: hknso, CheckValue: w.CheckValue, Created: w.Created,
	}
	if !strictjson.Equal(want, data) {
		t.Errorf("the world file is\n%s", data)
	}
	if w.Created.Before(before) || w.Created.After(time.Now()) || !slices.Equal(w.Cards.Holders, holderNames) {
		t.Errorf("created %v by %q", w.Created, w.Cards.Holders)
	}
	km := hex.EncodeToString(must[interface{ Reveal() []byte }](t)(p.quorate(t, w).secret.ModuleKey()).Reveal())
	zero := openssl(t, "enc", "-aes-256-ecb", "-nopad", "-K", km, "-in", write(t, make([]byte, 16)))
	if hex.EncodeToString(zero[:3]) != w.CheckValue {
		t.Errorf("check value %s, openssl gives %x", w.CheckValue, zero[:3])
	}
	blob := must[[]byte](t)(base64.StdEncoding.DecodeString(w.KNSO.Blob))
	if got := publicOfPKCS8(t, unwrapped(t, km, blob)); got != w.KNSO.PublicKey {
		t.Errorf("the backup of KNSO is of another key:\n%s", got)
	}
}

func TestCreateProduction(t *testing.T) {
	p, w := production(t)
	if w.Rehearsal || w.Cards.Quorum != (quorum.Quorum{K: 1, N: 1}) {
		t.Errorf("made %+v", w.File)
	}
	p.expectOnToken(t)
}

func TestOldSuiteMakesTheSameWorld(t *testing.T) {
	p := newPlace(t, 1)
	c := p.creation(1)
	c.Suite = SuiteOld
	w := must[*World](t)(Create(p.m, c))
	text := string(openssl(t, "pkey", "-pubin", "-in", write(t, []byte(w.KNSO.PublicKey)), "-noout", "-text"))
	if w.Suite != SuiteOld || !strings.Contains(text, "Public-Key: (256 bit)") {
		t.Errorf("suite %s, %s", w.Suite, text)
	}
}

func TestCreationCheckRefuses(t *testing.T) {
	p := newPlace(t, 3)
	missing := filepath.Join(p.cards[0], "missing")
	file := write(t, nil)
	label := `label "": 1 to 32 bytes of text are expected`
	const ownMedium = "give each card its own medium; only --rehearsal may share one"
	for name, c := range map[string]struct {
		change func(*Creation)
		want   failure
	}{
		"no label":          {func(c *Creation) { c.Label = "" }, failure{label, exitcode.Usage, ""}},
		"long label":        {func(c *Creation) { c.Label = strings.Repeat("é", 17) }, failure{`label "` + strings.Repeat("é", 17) + `": 1 to 32 bytes of text are expected`, exitcode.Usage, ""}},
		"label not UTF-8":   {func(c *Creation) { c.Label = "a\xff" }, failure{`label "a\xff": 1 to 32 bytes of text are expected`, exitcode.Usage, ""}},
		"label of controls": {func(c *Creation) { c.Label = "a\x1bb" }, failure{`label "a\x1bb": only printable characters are allowed`, exitcode.Usage, ""}},
		"suite":             {func(c *Creation) { c.Suite = "DLf9" }, failure{`cipher suite "DLf9": DLf3072s256mRijndael is expected (or DLf1024s160mRijndael, for an old runbook)`, exitcode.Usage, ""}},
		"too few cards":     {func(c *Creation) { c.Holders = c.Holders[:2] }, failure{"quorum 2/3 needs 3 card folders, 2 were given", exitcode.Usage, ""}},
		"too many cards":    {func(c *Creation) { c.Quorum.N = 2 }, failure{"quorum 2/2 needs 2 card folders, 3 were given", exitcode.Usage, ""}},
		"nameless holder":   {func(c *Creation) { c.Holders[1].Name = " " }, failure{"card holder 2: a name has 1 to 64 bytes, all printable", exitcode.Usage, ""}},
		"one holder twice":  {func(c *Creation) { c.Holders[2].Name = "ADA" }, failure{`card holders 1 and 3 are both "ADA": nobody may hold two cards`, exitcode.Refused, "name another person for card 3"}},
		"no such folder":    {func(c *Creation) { c.Holders[1].Dir = missing }, failure{missing + ": no such folder", exitcode.Refused, "insert and mount the medium for this card"}},
		"a file":            {func(c *Creation) { c.Holders[1].Dir = file }, failure{file + ": no such folder", exitcode.Refused, "insert and mount the medium for this card"}},
		"one folder twice":  {func(c *Creation) { c.Holders[1].Dir = p.cards[0] }, failure{p.cards[0] + " and " + p.cards[0] + " are one folder: each card needs its own", exitcode.Refused, ""}},
		"one medium":        {func(c *Creation) { c.Rehearsal = false }, failure{p.cards[0] + " and " + p.cards[1] + " are on one medium: whoever holds it would hold two cards", exitcode.Refused, ownMedium}},
	} {
		t.Run(name, func(t *testing.T) {
			creation := p.creation(2)
			c.change(&creation)
			expect(t, creation.Check(), c.want)
			_, err := Create(p.m, creation)
			expect(t, err, c.want)
			p.untouched(t)
		})
	}
}

// untouched wants a place without a trace of a creation.
func (p *place) untouched(t *testing.T) {
	t.Helper()
	expectFiles(t, filepath.Join(p.kmdata, "local"))
	for _, dir := range p.cards {
		expectFiles(t, dir)
	}
	for _, token := range must[[]hsm.Token](t)(p.m.Tokens()) {
		if token.Initialised && token.Label == "test world" {
			t.Errorf("%v was initialised", token)
		}
	}
}

func TestCreateRefusesASecondWorld(t *testing.T) {
	p, w := newWorld(t)
	want := failure{p.path("world") + ": there is a security world already, and it is never overwritten", exitcode.Refused,
		"name another folder with --kmdata, or byok-offline world info"}
	again := p.creation(2)
	again.Label = "another"
	expect(t, again.Check(), want)
	_, err := Create(p.m, again)
	expect(t, err, want)
	if now := must[*World](t)(Open(p.kmdata)); now.HKNSO != w.HKNSO {
		t.Error("the world changed")
	}
}

func TestCreateRefusesACardThatIsNotBlank(t *testing.T) {
	p := newPlace(t, 3)
	path := filepath.Join(p.cards[2], quorum.CardFile)
	ok(t, os.WriteFile(path, []byte("another world's card"), 0o600))
	_, err := Create(p.m, p.creation(2))
	expect(t, err, failure{path + ": this card is not blank, and cards are never overwritten", exitcode.Refused, "put a blank medium in for card 3 (Cleo)"})
	if string(read(t, path)) != "another world's card" {
		t.Error("the card was overwritten")
	}
	ok(t, os.Remove(path))
	p.untouched(t)
}

func TestCreateRefusesAReadOnlyCardFolder(t *testing.T) {
	p := newPlace(t, 3)
	ok(t, os.Chmod(p.cards[1], 0o500))
	var err error
	unprivileged.Run(t, func() { _, err = Create(p.m, p.creation(2)) })
	expect(t, err, failure{"card folder " + p.cards[1] + ": nothing can be written there: permission denied", exitcode.Refused,
		"give a folder on a writable medium for card 2 (Ben)"})
	p.untouched(t)
	p.cards[1] = "/proc/self"
	_, err = Create(p.m, p.creation(2))
	expect(t, err, failure{"card folder /proc/self: nothing can be written there: no such file or directory", exitcode.Refused,
		"give a folder on a writable medium for card 2 (Ben)"})
	p.cards[1] = t.TempDir()
	p.untouched(t)
}

func TestCreateRefusesAnUnwritableKMData(t *testing.T) {
	p := newPlace(t, 3)
	local := filepath.Join(p.kmdata, "local")
	ok(t, os.Mkdir(local, 0o500))
	var err error
	unprivileged.Run(t, func() { _, err = Create(p.m, p.creation(2)) })
	expect(t, err, failure{filepath.Join(local, "world") + " cannot be created: permission denied", exitcode.Failed, ""})
	p.untouched(t)
}

func TestCreateRefusesATakenLabel(t *testing.T) {
	p := newPlace(t, 3)
	token := must[hsm.Token](t)(p.m.Initialise(must[hsm.Token](t)(p.m.Free()), pin("a stranger's SO PIN"), "taken"))
	c := p.creation(2)
	c.Label = "taken"
	_, err := Create(p.m, c)
	expect(t, err, failure{`label "taken" is taken by a token that is initialised (serial ` + token.Serial + `)`, exitcode.Refused, "choose another one with --label"})
	p.untouched(t)
}

func TestCreateRefusesAUserPINTheTokenWillNotTake(t *testing.T) {
	p := newPlace(t, 3)
	c := p.creation(2)
	c.UserPIN = pin("123")
	_, err := Create(p.m, c)
	expect(t, err, failure{"a user PIN of 3 bytes: the token takes 4 to 255", exitcode.Usage, "choose another PIN"})
	p.untouched(t)
}

func TestCreateWithoutAFreeSlot(t *testing.T) {
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	t.Setenv("SHIM_HIDE_FREE", "1")
	p := placeOn(t, shim.Build(t), 3)
	_, err := Create(p.m, p.creation(2))
	expect(t, err, failure{"no free slot in " + p.m.Path + ": every token there is initialised", exitcode.HSM,
		"add an empty partition or token with the vendor's tool, then run the command again"})
	p.untouched(t)
}

// TestCreateOnAModuleThatEnforcesNothing leaves nothing of the world there.
func TestCreateOnAModuleThatEnforcesNothing(t *testing.T) {
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	t.Setenv("SHIM_WEAK", "modifiable")
	p := placeOn(t, shim.Build(t), 3)
	_, err := Create(p.m, p.creation(2))
	token := must[[]hsm.Token](t)(p.m.Labelled("test world"))[0]
	expect(t, err, failure{token.String() + " does not hold its restrictions: CKA_UNWRAP of byok-km could be set to true (an operator must not open a backup blob)",
		exitcode.HSM, "use another module: byok-offline module check says what it lacks"})
	if left := p.onToken(t); len(left) != 0 {
		t.Errorf("left on the token: %q", left)
	}
	expectFiles(t, filepath.Join(p.kmdata, "local"), "world.pending")
}

func TestOpenRefuses(t *testing.T) {
	p, _ := newWorld(t)
	open := func() error { _, err := Open(p.kmdata); return err }
	flips(t, p.path("world"), open)
	flips(t, p.path("world.sig"), open)
	ok(t, open())
	whole := read(t, p.path("world"))
	for name, c := range map[string]struct {
		content string
		want    string
		code    exitcode.Code
	}{
		"another type":    {strings.Replace(string(whole), `"byok-world"`, `"byok-key"`, 1), `is "byok-key" version 1, "byok-world" version 1 is expected`, exitcode.Usage},
		"another version": {strings.Replace(string(whole), `"version": 1`, `"version": 2`, 1), `is "byok-world" version 2, "byok-world" version 1 is expected`, exitcode.Usage},
		"unknown field":   {strings.Replace(string(whole), `"label"`, `"lable"`, 1), `unknown field lable`, exitcode.Usage},
		"rehearsal off":   {strings.Replace(string(whole), `"rehearsal": true`, `"rehearsal": false`, 1), "the world signing key did not sign this content: the file was altered", exitcode.Check},
		"white space":     {string(whole) + "\n", "the world signing key did not sign this content: the file was altered", exitcode.Check},
		"no JSON":         {"world", "not valid JSON at byte 0", exitcode.Usage},
		"too large":       {string(whole) + strings.Repeat(" ", MaxFile), fmt.Sprintf("%d bytes, more than the 131072 such a file may have", len(whole)+MaxFile), exitcode.Usage},
	} {
		t.Run(name, func(t *testing.T) {
			ok(t, os.WriteFile(p.path("world"), []byte(c.content), 0o600))
			expect(t, open(), failure{p.path("world") + ": " + c.want, c.code, ""})
		})
	}
	ok(t, os.WriteFile(p.path("world"), whole, 0o600), os.Remove(p.path("world.sig")))
	expect(t, open(), failure{p.path("world") + ": its signature world.sig is missing", exitcode.Check, ""})
	empty := t.TempDir()
	_, err := Open(empty)
	expect(t, err, failure{filepath.Join(empty, "local", "world") + ": there is no security world", exitcode.Usage, "byok-offline world create, or name its folder with --kmdata"})
}
