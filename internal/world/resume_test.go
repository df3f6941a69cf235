package world

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/shim"
	"byok/internal/hsm/softhsm"
	"byok/internal/quorum"
	"byok/internal/secret"
)

// interrupted leaves the place as a creation killed at some point does: the
// pending file, and the first n cards. It returns the secret of the cards.
func (p *place) interrupted(t *testing.T, k, n int) (*quorum.Issue, pendingWorld) {
	t.Helper()
	c := p.creation(k)
	issue := must[*quorum.Issue](t)(quorum.New(c.Quorum, c.names()))
	t.Cleanup(issue.Wipe)
	before := pendingWorld{c.Label, c.Rehearsal, pendingCards{Cards: issue.Set, Dealt: n == c.Quorum.N}}
	ok(t, os.MkdirAll(filepath.Join(p.kmdata, "local"), 0o700), setPending(p.path("world"), before))
	for i := range n {
		sealed := must[[]byte](t)(quorum.Seal(issue.Cards[i], c.Holders[i].Passphrase, 1))
		ok(t, durable.WriteFile(filepath.Join(p.cards[i], quorum.CardFile), sealed, 0o600))
	}
	return issue, before
}

func initialised(t *testing.T, m *hsm.Module) (tokens []hsm.Token) {
	t.Helper()
	for _, token := range must[[]hsm.Token](t)(m.Tokens()) {
		if token.Initialised {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// TestCreateGoesOn begins with what a creation leaves when it is killed at
// each stage, and runs the command again.
func TestCreateGoesOn(t *testing.T) {
	goesOn := "going on with the 3 cards of the interrupted run"
	for name, c := range map[string]struct {
		cards     int
		further   func(*testing.T, *place, *quorum.Issue)
		sameCards bool
	}{
		"before the first card": {0, nil, false},
		"one card written":      {1, nil, false},
		"two cards written":     {2, nil, false},
		"all cards written":     {3, nil, true},
		"token initialised": {3, func(t *testing.T, p *place, i *quorum.Issue) {
			must[hsm.Token](t)(p.m.Initialise(must[hsm.Token](t)(p.m.Free()), soPIN(t, i), "test world"))
		}, true},
		"half of the token's objects made": {3, func(t *testing.T, p *place, i *quorum.Issue) {
			token := must[hsm.Token](t)(p.m.Initialise(must[hsm.Token](t)(p.m.Free()), soPIN(t, i), "test world"))
			so := must[*hsm.SecurityOfficer](t)(p.m.SecurityOfficer(token, soPIN(t, i)))
			defer so.Close()
			ok(t, so.SetUserPIN(pin("another user PIN")), so.CreateModuleKey(worldKey, pin(strings.Repeat("k", 32))))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, 3)
			issue, before := p.interrupted(t, 2, c.cards)
			if c.further != nil {
				c.further(t, p, issue)
			}
			w := must[*World](t)(Create(p.m, p.creation(2)))
			if same := w.Cards.World == before.Cards.World; same != c.sameCards || slices.Contains(p.said, goesOn) != c.sameCards {
				t.Errorf("same cards: %t; said %q", same, p.said)
			}
			p.whole(t, w)
		})
	}
}

func soPIN(t *testing.T, i *quorum.Issue) *secret.Bytes {
	return must[*secret.Bytes](t)(i.Secret.SOPIN())
}

// whole wants a world that works, and nothing else left over.
func (p *place) whole(t *testing.T, w *World) {
	t.Helper()
	expectFiles(t, filepath.Join(p.kmdata, "local"), "world", "world.sig")
	if tokens := initialised(t, p.m); len(tokens) != 1 {
		t.Errorf("%d tokens are initialised", len(tokens))
	}
	p.expectOnToken(t)
	q := must[*Quorate](t)(w.ReadCards(p.readers(0, 1, 2), func(quorum.Card) {}))
	defer q.Wipe()
	so := must[*hsm.SecurityOfficer](t)(q.officer(p.m, initialised(t, p.m)[0]))
	so.Close()
	p.operate(t, w, func(*Operator) {})
}

func TestCreateEndsARunKilledAfterItsLastStep(t *testing.T) {
	p, w := newWorld(t)
	ok(t, setPending(p.path("world"), pendingWorld{"test world", true, pendingCards{w.Cards, true}}))
	p.said = nil
	again := must[*World](t)(Create(p.m, p.creation(2)))
	if again.HKNSO != w.HKNSO || !slices.Equal(p.said, []string{"the interrupted run had made this world; nothing was left to do"}) {
		t.Errorf("said %q", p.said)
	}
	p.whole(t, w)
}

// TestCreateRefusesToGoOn is what must not be taken for the interrupted run.
func TestCreateRefusesToGoOn(t *testing.T) {
	const asked = `an interrupted creation asked for a rehearsal, label "test world", quorum 2/3, cards of Ada, Ben, Cleo`
	const again = "run the same command again, or remove that file and its cards to begin afresh"
	for name, change := range map[string]func(*Creation){
		"another label":  func(c *Creation) { c.Label = "another" },
		"another quorum": func(c *Creation) { c.Quorum.K = 3 },
		"another holder": func(c *Creation) { c.Holders[0].Name = "Dora" },
		"another order":  func(c *Creation) { c.Holders[0].Name, c.Holders[1].Name = "Ben", "Ada" },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, 3)
			p.interrupted(t, 2, 3)
			c := p.creation(2)
			change(&c)
			_, err := Create(p.m, c)
			expect(t, err, failure{p.path("world.pending") + ": " + asked, exitcode.Refused, again})
			p.asBefore(t, 3)
		})
	}
	t.Run("production for a rehearsal", func(t *testing.T) {
		p := newPlace(t, 1)
		p.interrupted(t, 1, 1)
		c := p.creation(1)
		c.Rehearsal = true
		_, err := Create(p.m, c)
		expect(t, err, failure{p.path("world.pending") + `: an interrupted creation asked for production, label "test world", quorum 1/1, cards of Ada`, exitcode.Refused, again})
		p.asBefore(t, 1)
	})
}

// asBefore wants the interrupted run's traces untouched.
func (p *place) asBefore(t *testing.T, cards int) {
	t.Helper()
	expectFiles(t, filepath.Join(p.kmdata, "local"), "world.pending")
	for _, dir := range p.cards[:cards] {
		expectFiles(t, dir, quorum.CardFile)
	}
	if tokens := initialised(t, p.m); len(tokens) != 0 {
		t.Errorf("initialised: %+v", tokens)
	}
}

func TestCreateGoesOnOnlyWithItsCards(t *testing.T) {
	card := func(p *place) string { return filepath.Join(p.cards[1], quorum.CardFile) }
	for name, c := range map[string]struct {
		spoil func(*testing.T, *place, *Creation) failure
		cards int // folders with a card afterwards
	}{
		"wrong passphrase": {func(t *testing.T, p *place, c *Creation) failure {
			c.Holders[1].Passphrase = pin("wrong")
			return failure{card(p) + ": wrong passphrase", exitcode.Refused, "type the passphrase of this card's holder again; if it is certainly right, the card is damaged: use another card of the set"}
		}, 3},
		"damaged card": {func(t *testing.T, p *place, c *Creation) failure {
			ok(t, os.WriteFile(card(p), []byte("rubbish"), 0o600))
			return failure{card(p) + ": damaged, or not an administrator card", exitcode.Refused, "use another card of the set, then byok-offline world replace-cards"}
		}, 3},
		"lost card, token perhaps changed": {func(t *testing.T, p *place, c *Creation) failure {
			ok(t, os.Remove(card(p)))
			return failure{"2 of the 3 cards of the interrupted run are in the folders given, and the token may depend on them already", exitcode.Refused,
				"give the folders of all 3 cards with --card"}
		}, 1},
		"damaged pending file": {func(t *testing.T, p *place, c *Creation) failure {
			ok(t, os.WriteFile(p.path("world.pending"), []byte("{}{}"), 0o600))
			return failure{p.path("world.pending") + ": not valid JSON at byte 2", exitcode.Usage, ""}
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, 3)
			p.interrupted(t, 2, 3)
			creation := p.creation(2)
			want := c.spoil(t, p, &creation)
			_, err := Create(p.m, creation)
			expect(t, err, want)
			p.asBefore(t, c.cards)
		})
	}
	t.Run("a card of another world", func(t *testing.T) {
		p, other := newPlace(t, 3), newPlace(t, 3)
		_, ours := p.interrupted(t, 2, 3)
		_, theirs := other.interrupted(t, 2, 3)
		p.cards[1] = other.cards[1]
		_, err := Create(p.m, p.creation(2))
		expect(t, err, failure{fmt.Sprintf("%s: card 2 (Ben) belongs to security world %.8s, not to %.8s", p.cards[1], theirs.Cards.World, ours.Cards.World), exitcode.Refused, "use a card of this world, or the kmdata folder of that one"})
		p.asBefore(t, 3)
	})
	t.Run("a token that other cards open", func(t *testing.T) {
		p := newPlace(t, 3)
		p.interrupted(t, 2, 3)
		token := must[hsm.Token](t)(p.m.Initialise(must[hsm.Token](t)(p.m.Free()), pin("a stranger's SO PIN"), "test world"))
		_, err := Create(p.m, p.creation(2))
		expect(t, err, failure{`label "test world" is taken by a token that is initialised (serial ` + token.Serial + `)`, exitcode.Refused, "choose another one with --label"})
	})
}

// TestCreateAfterAFault has one call of the library fail: the second run of
// the same command must make the world.
func TestCreateAfterAFault(t *testing.T) {
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	library := shim.Build(t)
	for call, want := range map[string]string{
		"C_InitToken":       `C_InitToken on slot %d for "test world": CKR_DEVICE_ERROR`,
		"C_InitPIN":         "C_InitPIN on %v: CKR_DEVICE_ERROR",
		"C_CreateObject":    "C_CreateObject of the module key byok-km as a trusted key: CKR_DEVICE_ERROR",
		"C_Login#2":         "C_Login as user on %v: CKR_DEVICE_ERROR",
		"C_GenerateKeyPair": "C_GenerateKeyPair of byok-knso: CKR_DEVICE_ERROR",
		"C_Sign":            "signing with byok-knso: CKR_DEVICE_ERROR",
	} {
		t.Run(strings.ReplaceAll(call, "#", " "), func(t *testing.T) { // SoftHSM takes # in a path for a comment
			t.Setenv("SOFTHSM2_CONF", must[string](t)(softhsm.Configure(t.TempDir())))
			p := placeOn(t, library, 3)
			free := must[hsm.Token](t)(p.m.Free())
			t.Setenv("SHIM_DO", fmt.Sprintf("fail=0x%x", pkcs11.CKR_DEVICE_ERROR))
			t.Setenv("SHIM_AT", call)
			_, err := Create(p.m, p.creation(2))
			t.Setenv("SHIM_AT", "")
			if call == "C_InitToken" {
				want = fmt.Sprintf(want, free.Slot)
			} else if strings.Contains(want, "%v") {
				want = fmt.Sprintf(want, must[[]hsm.Token](t)(p.m.Labelled("test world"))[0])
			}
			expect(t, err, failure{want, exitcode.HSM, "run the same command again: it goes on with the cards already written"})
			expectFiles(t, filepath.Join(p.kmdata, "local"), "world.pending")
			p.whole(t, must[*World](t)(Create(p.m, p.creation(2))))
		})
	}
}

// TestCreateTakesItsCardsBack: a creation that fails before the token is asked
// leaves blank media.
func TestCreateTakesItsCardsBack(t *testing.T) {
	p := newPlace(t, 3)
	c := p.creation(2)
	c.Holders[2].Passphrase = pin("")
	_, err := Create(p.m, c)
	expect(t, err, failure{"card 3 (Cleo): an empty passphrase seals nothing", exitcode.Usage, ""})
	p.untouched(t)
	p.whole(t, must[*World](t)(Create(p.m, p.creation(2))))
}

// TestCreateCannotTakeACardBack: its medium was pulled out meanwhile.
func TestCreateCannotTakeACardBack(t *testing.T) {
	p := newPlace(t, 3)
	c := p.creation(2)
	card := filepath.Join(p.cards[0], quorum.CardFile)
	pulled := filepath.Join(t.TempDir(), "pulled")
	c.Say = func(string, ...any) { ok(t, os.Rename(card, pulled)) }
	c.Holders[1].Passphrase = pin("")
	_, err := Create(p.m, c)
	expect(t, err, failure{"card 2 (Ben): an empty passphrase seals nothing; remove " + card + ": no such file or directory", exitcode.Usage, ""})
	expectFiles(t, filepath.Join(p.kmdata, "local"), "world.pending")
	ok(t, os.Rename(pulled, card))
	p.whole(t, must[*World](t)(Create(p.m, p.creation(2))))
}
