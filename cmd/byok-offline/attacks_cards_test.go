package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
)

func TestForeignCards(t *testing.T) { withTheCards().try(t) }

// everyQuorum are the commands that read a quorum of cards; CARDS are theirs.
func everyQuorum() []string {
	return []string{
		"acl modify --ident ec --key-friendly-name Other --approve-unseen $KEK" + withPINs,
		"key generate --ident new --type EC" + withPINs,
		"key restore --ident ec" + withPINs,
		"key freeze --ident ec" + withPINs,
		"ceremony seal" + withPINs,
		"world recover --module-path SHIM --label other" + withPINs,
		"world reset-pin --new-pin-file secrets/newpin",
		"world replace-cards --acs-quorum 1/1 --new-holder Eve --new-card spare --new-card-pin-file " +
			"secrets/card5" + withPINs,
		"module accept --module-path SHIM" + withPINs,
		"module strike-off --module $MODULE --reason lost" + withPINs,
	}
}

// withTheCards is what fewer cards than the quorum, and cards of another set,
// are good for: nothing, in every command that reads them.
func withTheCards() deeds {
	each := func(name, state, cards, want string, do func(*testing.T, *stage)) deed {
		return deed{name: name, state: state, do: do, cards: cards, want: want}
	}
	return deeds{heading: "Cards", who: "K-1 card holders, holders of replaced cards, or holders of another world's",
		list: in(but(onAnyToken, replaced), []deed{
			each("one card of the two that are needed", generated, "card1",
				"6: cards of set 1: 1 given, 2 needed", nil),
			each("one card twice", generated, "card1 card1",
				"6: card1 and card1 are one folder: each card needs its own", nil),
			each("one card twice, in two folders", generated, oldCards, "6: card2: card 1 (Ada) has already been read",
				imitating("card1", "card2")),
			each("a second card made of the first", generated, oldCards,
				"6: card2: the share of card 2 (Ben) does not fit the world's commitments: the card was altered",
				imitating("card1", "card2", `"index": 1`, `"index": 2`, `"Ada"`, `"Ben"`)),
			each("a second card of another share", generated, oldCards,
				"6: card2: the share of card 2 (Ben) does not fit the world's commitments: the card was altered", resharing),
			each("cards that say that one is enough", generated, oldCards,
				"6: card1: card 1 (Ada) says quorum 1/3, the card set 2/3",
				imitating("card1", "card1", `"quorum": "2/3"`, `"quorum": "1/3"`)),
			each("cards of another world of the same label", generated, oldCards,
				"6: card1: card 1 (Ada) belongs to a different security world than kmdata (hknso …, not …)", foreignCards),
			each("one card of this world and one of another", generated, oldCards,
				"6: card2: card 2 (Ben) belongs to a different security world than kmdata (hknso …, not …)", foreignSecond),
			each("the replaced cards", replaced, oldCards, "6: card 1 (Ada) is of card set 1, which set 2 has replaced",
				nil).only(),
			{name: "the replaced cards, and kmdata as it was", state: replaced, also: []string{}, do: oldKMData, then: thenSeal,
				want: `3: token "stage" (serial …) holds trusted objects that this world did not make: trusted public key ` +
					`"byok-anchor-000008-…"; trusted public key "byok-km-…-2"; trusted secret key "byok-kw-…-2"`},
			{name: "the replaced cards, and kmdata as it was", state: replaced, also: []string{}, do: oldKMData, then: thenModify,
				want: `3: token "stage" (serial …) holds trusted objects that this world did not make: trusted public key ` +
					`"byok-anchor-000008-…"; trusted public key "byok-km-…-2"; trusted secret key "byok-kw-…-2"`},
			{name: "the replaced cards, kmdata as it was, and a reason given", state: replaced, also: []string{}, do: oldKMData,
				then: thenSeal + ` --break-reason "a disk was lost"`, want: `3: token "stage" (serial …) holds trusted ` +
					`objects that this world did not make: trusted public key "byok-anchor-000008-…"; trusted public key ` +
					`"byok-km-…-2"; trusted secret key "byok-kw-…-2"`},
			{name: "one card, and an authorization that a quorum signed before", state: modified, then: thenPackage,
				want: "0: nothing",
				note: "that is what was approved; packaging needs no card", also: withTransfers},
		}...)}
}

// openCard decrypts the card in a folder.
func (s *stage) openCard(t testing.TB, folder string) string {
	t.Helper()
	passphrase := bytes.TrimSpace(mustDo(os.ReadFile(s.path("secrets/" + folder)))(t))
	identity := mustDo(age.NewScryptIdentity(string(passphrase)))(t)
	sealed := mustDo(os.ReadFile(s.path(folder + "/byok-card.age")))(t)
	return string(mustDo(io.ReadAll(mustDo(age.Decrypt(bytes.NewReader(sealed), identity))(t)))(t))
}

// sealCard encrypts a card into a folder, under the folder's passphrase.
func (s *stage) sealCard(t testing.TB, folder, text string, work int) {
	t.Helper()
	passphrase := bytes.TrimSpace(mustDo(os.ReadFile(s.path("secrets/" + folder)))(t))
	recipient := mustDo(age.NewScryptRecipient(string(passphrase)))(t)
	recipient.SetWorkFactor(work)
	var sealed bytes.Buffer
	w := mustDo(age.Encrypt(&sealed, recipient))(t)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, s.path(folder+"/byok-card.age"), sealed.Bytes())
}

// imitating puts a changed copy of one card into a folder.
func imitating(from, to string, changes ...string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		text := s.openCard(t, from)
		for i := 0; i < len(changes); i += 2 {
			changed := strings.Replace(text, changes[i], changes[i+1], 1)
			if changed == text {
				t.Fatalf("the card does not hold %s:\n%s", changes[i], text)
			}
			text = changed
		}
		s.sealCard(t, to, text, 10)
	}
}

// resharing changes one digit of a share.
func resharing(t *testing.T, s *stage) {
	text := s.openCard(t, "card2")
	at := strings.Index(text, `"share": "`) + len(`"share": "`) + 8
	digit := "0"
	if text[at] == '0' {
		digit = "1"
	}
	s.sealCard(t, "card2", text[:at]+digit+text[at+1:], 10)
}

func foreignCards(t *testing.T, s *stage) {
	for _, card := range strings.Fields(oldCards) {
		s.takeCard(t, card)
	}
}

func foreignSecond(t *testing.T, s *stage) { s.takeCard(t, "card2") }

// takeCard takes a card from another world of the same holders.
func (s *stage) takeCard(t testing.TB, folder string) {
	t.Helper()
	for _, path := range mustDo(filepath.Glob(kept(t, foreign).path(folder + "/*")))(t) {
		mustWrite(t, s.path(folder+"/"+filepath.Base(path)), mustDo(os.ReadFile(path))(t))
	}
}

// oldKMData puts kmdata back to what it was before the cards were replaced.
func oldKMData(t *testing.T, s *stage) {
	if err := os.RemoveAll(s.path("kmdata")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(s.path("kmdata"), os.DirFS(kept(t, generated).path("kmdata"))); err != nil {
		t.Fatal(err)
	}
}
