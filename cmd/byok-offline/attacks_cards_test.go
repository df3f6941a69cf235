package main

import (
	"crypto/aes"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cloudflare/circl/group"

	"byok/internal/exitcode"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/strictjson"
	"byok/internal/world"
)

// What the attacker's process does with K-1 cards, opened.
const (
	playGuess = "guess the world secret from two cards"
	playForge = "forge a world file in which two cards are enough"
)

// TestFewerCards: K-1 of K cards, with their passphrases and the user PIN, open
// nothing: no login as SO, no backup, and no command that takes a quorum.
func TestFewerCards(t *testing.T) {
	eachOn(t, map[string]func(*testing.T, *station){"quorum of 3/4": func(t *testing.T, s *station) {
		f := newField(t, s).begin(t)
		f.create(t)
		f.must(t, "key generate --ident ec --type EC"+withPIN)
		t.Run("guessed", func(t *testing.T) { f.attacker(t, playGuess) })
		t.Run("two cards", func(t *testing.T) { f.refuseQuorum(t, "", tooFew) })
		t.Run("one of them twice", func(t *testing.T) {
			f.refuseQuorum(t, withCards("", 1), result{exitcode.Refused, "", "error: card1: card 1 (Ada) has already been read\nhint: use a card that has not been read\n"})
		})
		f.sealCard(t, 5, f.opened(t, 1), func(c *quorum.Card) { c.Index, c.Holder = 3, "Cleo" })
		t.Run("a third one made of the first", func(t *testing.T) { f.refuseQuorum(t, withCards("", 5), altered) })
		f.sealCard(t, 6, f.opened(t, 3), func(c *quorum.Card) { c.Share.Reveal()[0] ^= 1 })
		t.Run("a third one that is off by one", func(t *testing.T) {
			f.refuseQuorum(t, withCards("", 6), result{exitcode.Refused, "", strings.ReplaceAll(altered.said, "card5", "card6")})
		})
		t.Run("a world file that asks for two", func(t *testing.T) { f.forgedWorld(t) })
		f.must(t, "world check"+withPIN+withCards("", 1, 2, 3, 4))
	}})
}

var (
	tooFew = result{exitcode.Refused, "", "error: only 2 of the 3 administrator cards needed have been read\n" +
		"hint: add --card and the folder of each further card; still needed: 1\n"}
	altered = result{exitcode.Refused, "", "error: card5: the share of card 3 (Cleo) does not fit the world's commitments: the card was altered\n" +
		"hint: keep the card as evidence and use another card of the set, then byok-offline world replace-cards\n"}
)

// withQuorum are the commands that take a quorum.
func (f *field) withQuorum(cards string) []string {
	return []string{
		"acl modify --ident ec" + withPIN + f.packages() + cards,
		"world recover" + withPIN + cards,
		"world replace-cards --acs-quorum 1/1 --new-holder Eve" + withPIN + cards + withCards("new-", 8),
		"key restore --ident ec" + withPIN + cards,
	}
}

// refuseQuorum gives every such command cards 1 and 2 and what else there is.
func (f *field) refuseQuorum(t *testing.T, more string, want result) {
	for _, line := range f.withQuorum(withCards("", 1, 2) + more) {
		got := f.run(t, line)
		got.out, got.said = "", complaint(got.said)
		if got != want {
			t.Errorf("%s\n got %+v\nwant %+v", line, got, want)
		}
	}
	if left := f.files(t, "card8"); len(left) > 0 {
		t.Errorf("new cards were written: %q", left)
	}
}

// complaint is the error and the hint among what a command says.
func complaint(said string) (text string) {
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "error: ") || strings.HasPrefix(line, "hint: ") {
			text += line
		}
	}
	return text
}

// forgedWorld: the operator helps with KNSO's signature, and every file says
// that two cards are enough; the token knows better.
func (f *field) forgedWorld(t *testing.T) {
	in := f.copied(t)
	in.attacker(t, playForge)
	in.must(t, "world info")
	refused := []string{
		"error: the cards are this world's, but wrong SO PIN for token \"besieged\" (serial …) (CKR_PIN_INCORRECT); the token counts wrong PINs and will lock it after a few more\n",
		"error: the module key of these cards has not the check value that the world records\n",
		"error: the cards are this world's, but wrong SO PIN for token \"besieged\" (serial …) (CKR_PIN_INCORRECT); the token counts wrong PINs and will lock it after a few more\n" +
			"hint: run the same command again, with the same new cards: it goes on from here\n",
		"error: C_UnwrapKey of key_simple_ec: CKR_GENERAL_ERROR\n",
	}
	for i, line := range in.withQuorum(withCards("", 1, 2)) {
		fresh := in.copied(t)
		if strings.HasPrefix(line, "world recover") {
			fresh.wipeToken(t)
		}
		if strings.HasPrefix(line, "key restore") {
			fresh.attacker(t, "destroy a key")
		}
		r := fresh.run(t, line)
		if got := serialNumber.ReplaceAllString(complaint(r.said), "serial …"); r.status == exitcode.Done || got != refused[i] {
			t.Errorf("%s: status %d\n got %s\nwant %s", line, r.status, got, refused[i])
		}
	}
}

// opened is a card as its holder can open it.
func (f *field) opened(t *testing.T, number int) quorum.Card {
	t.Helper()
	passphrase := secret.Take([]byte(cardPassphraseOf(number)))
	return mustDo(quorum.ReadCard(f.path(fmt.Sprintf("card%d", number)), passphrase))(t)
}

// sealCard writes a card that was tampered with into another folder.
func (f *field) sealCard(t *testing.T, into int, card quorum.Card, tamper func(*quorum.Card)) {
	t.Helper()
	tamper(&card)
	sealed := mustDo(quorum.Seal(card, secret.Take([]byte(cardPassphraseOf(into))), rehearsalWork))(t)
	mustWrite(t, f.path(fmt.Sprintf("card%d/%s", into, quorum.CardFile)), sealed)
}

// forgeWorld makes the straight line through two shares the world's
// polynomial, and files and cards that fit it.
func (a *attacker) forgeWorld(t *testing.T) {
	two := shares(t, 1, 2)
	start, slope := atZero(two...), littleEndian(new(big.Int).Sub(two[1].y, two[0].y))
	var file world.File
	if err := strictjson.Unmarshal("world", mustDo(os.ReadFile("kmdata/local/world"))(t), world.MaxFile, &file); err != nil {
		t.Fatal(err)
	}
	set := &file.Cards
	set.Quorum.K, set.Commitments = 2, []quorum.Commitment{commitmentTo(t, start), commitmentTo(t, slope)}
	identity := sha256.Sum256(slices.Concat(set.Commitments[0][:], set.Commitments[1][:]))
	set.World = hex.EncodeToString(identity[:])
	data := mustDo(strictjson.Marshal(file))(t)
	mustWrite(t, "kmdata/local/world", data)
	mustWrite(t, "kmdata/local/world.sig", a.signKNSO(t, data))
	here := &field{station: &station{dir: "."}}
	for n := 1; n <= 2; n++ {
		here.sealCard(t, n, here.opened(t, n), func(c *quorum.Card) { c.World, c.Quorum = set.World, set.Quorum })
	}
}

func commitmentTo(t *testing.T, coefficient []byte) (c quorum.Commitment) {
	t.Helper()
	scalar := group.Ristretto255.NewScalar()
	if err := scalar.UnmarshalBinary(coefficient); err != nil {
		t.Fatal(err)
	}
	copy(c[:], mustDo(group.Ristretto255.NewElement().MulGen(scalar).MarshalBinary())(t))
	return c
}

// forgedFile is a key file for the attacker's key of known value, after the
// model of a generated one.
func forgedFile(t *testing.T, model, blob []byte) []byte {
	t.Helper()
	var k world.KeyFile
	if err := strictjson.Unmarshal("key file", model, world.MaxFile, &k); err != nil {
		t.Fatal(err)
	}
	value := make([]byte, 16)
	mustDo(aes.NewCipher(knownValue()))(t).Encrypt(value, value)
	k.Ident, k.PlainName, k.CheckValue, k.Blob = "forged", "forged", hex.EncodeToString(value), base64.StdEncoding.EncodeToString(blob)
	k.Permissions = []string{"DECRYPT", "ENCRYPT", "EXTRACTABLE", "MODIFIABLE", "SENSITIVE", "WRAP_WITH_TRUSTED"}
	return mustDo(strictjson.Marshal(k))(t)
}

func derSignature(raw []byte) []byte {
	half := len(raw) / 2
	der, _ := asn1.Marshal([]*big.Int{new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])}) // two integers always encode
	return der
}
