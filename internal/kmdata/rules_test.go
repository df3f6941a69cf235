package kmdata_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
)

func of[T any](change func(T)) func(kmdata.Statement) {
	return func(s kmdata.Statement) { change(s.(T)) }
}

var (
	ones  = fingerprint.Of([]byte("ones"))
	later = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
)

const (
	needsTime = "a time in whole seconds is expected, such as 2026-11-25T19:05:00Z"
	badOwn    = "field own_passphrases: cards of 1 to 3 are expected, in rising order"
	badModule = "field module: 32 lower-case hex digits are expected"
)

// contentRule is a change of a statement, and why it is refused.
type contentRule struct {
	name   string
	number int
	change func(kmdata.Statement)
	want   string // A and B are the modules
}

// What a quorum cannot sign, or what no reader takes from it: each change is
// signed with the world's own keys, and all that follows is linked again.
var contentRules = []contentRule{
	{"number 0", seal, of(func(s *kmdata.Seal) { s.Number = 0 }), "field number: 1 to 999999 is expected"},
	{"number 1 of a seal", seal, of(func(s *kmdata.Seal) { s.Number = 1 }),
		"field number: the world file has number 1, and no other statement has"},
	{"number 2 of the world file", worldFile, of(func(s *kmdata.World) { s.Number = 2 }),
		"field number: the world file has number 1, and no other statement has"},
	{"number of seven digits", seal, of(func(s *kmdata.Seal) { s.Number = 1_000_000 }),
		"field number: 1 to 999999 is expected"},
	{"world file that follows something", worldFile, of(func(s *kmdata.World) { s.Previous = ones }),
		"field previous: zeros are expected in number 1"},
	{"nothing before", seal, of(func(s *kmdata.Seal) { s.Previous = fingerprint.Sum{} }), "field previous is missing"},
	{"no signer", seal, of(func(s *kmdata.Seal) { s.HKNSO = fingerprint.Sum{} }), "field hknso is missing"},
	{"log of negative length", seal, of(func(s *kmdata.Seal) { s.Log.Lines = -1 }),
		"field log.lines: at least 0 is expected"},
	{"log shorter than before", seal, of(func(s *kmdata.Seal) { s.Log.Lines = 1 }),
		"field log: it does not go on from that of statement 6"},
	{"log rewritten", seal, of(func(s *kmdata.Seal) { s.Log.Lines = 18 }),
		"field log: it does not go on from that of statement 6"},
	{"no program", seal, of(func(s *kmdata.Seal) { s.Program.Version = "" }), "field program.version is missing"},
	{"no time", seal, of(func(s *kmdata.Seal) { s.Time = time.Time{} }), "field time: a time is missing"},
	{"fractions of a second", seal, of(func(s *kmdata.Seal) { s.Time = later }), "field time: " + needsTime},
	{"no one present", seal, of(func(s *kmdata.Seal) { s.Present = nil }),
		"field present: the cards that were read are missing"},
	{"one of two present", seal, of(func(s *kmdata.Seal) { s.Present = s.Present[:1] }),
		"field present: 1 of the quorum 2/3"},
	{"a card twice", seal, of(func(s *kmdata.Seal) { s.Present[1] = s.Present[0] }),
		"field present: card 1 appears twice"},
	{"a card without holder", seal, of(func(s *kmdata.Seal) { s.Present[1].Holder = "" }),
		"field present: a card is without index or holder"},
	{"a card number 0", seal, of(func(s *kmdata.Seal) { s.Present[1].Index = 0 }),
		"field present: a card is without index or holder"},
	{"a card number 4", seal, of(func(s *kmdata.Seal) { s.Present[1].Index = 4 }),
		"field present: card 4 (Bob) is not in the card set in force"},
	{"another holder", seal, of(func(s *kmdata.Seal) { s.Present[1].Holder = "Mallory" }),
		"field present: card 2 (Mallory) is not in the card set in force"},
	{"break without what is missing", seal, of(func(s *kmdata.Seal) { s.Break = &kmdata.Break{Reason: "x"} }),
		"field break.missing is empty"},
	{"break without reason", seal, of(func(s *kmdata.Seal) { s.Break = &kmdata.Break{Missing: []string{"x"}} }),
		"field break.reason: it is empty"},
	{"rehearsal in production", seal, of(func(s *kmdata.Seal) { s.Rehearsal = true }),
		"its rehearsal mark is not the world's"},

	{"label", worldFile, of(func(s *kmdata.World) { s.Label = strings.Repeat("é", 17) }),
		`field label: label "ééééééééééééééééé": 1 to 32 bytes of text are expected`},
	{"suite", worldFile, of(func(s *kmdata.World) { s.Suite = "DES" }),
		"field cipher_suite: DLf3072s256mRijndael or DLf1024s160mRijndael is expected"},
	{"guard", worldFile, of(func(s *kmdata.World) { s.Guard = "none" }),
		`field guard: "none" is not one of ["trust" "trust-shared" "trust-by-tool" "login" "login-shared"]`},
	{"hknso of others", worldFile, of(func(s *kmdata.World) { s.HKNSO = ones }),
		"field hknso is not that of the card set"},
	{"card set of others", worldFile, of(func(s *kmdata.World) { s.HKNSO, s.Cards.HKNSO = ones, ones }),
		"field cards.hknso is not the SHA-256 of knso.public_key"},
	{"a chosen passphrase of no card", worldFile, of(func(s *kmdata.World) { s.Own = kmdata.OwnPassphrases{4} }), badOwn},
	{"card 0", worldFile, of(func(s *kmdata.World) { s.Own = kmdata.OwnPassphrases{0} }), badOwn},
	{"the same card twice", worldFile, of(func(s *kmdata.World) { s.Own = kmdata.OwnPassphrases{2, 2} }), badOwn},
	{"no chosen passphrase listed", worldFile, of(func(s *kmdata.World) { s.Own = kmdata.OwnPassphrases{} }),
		"field own_passphrases: it is left out where there are none"},
	{"new cards, unsorted", cards, of(func(s *kmdata.Cards) { s.Own = kmdata.OwnPassphrases{2, 1} }), badOwn},
	{"card set of a rehearsal", worldFile, of(func(s *kmdata.World) { s.Cards.Rehearsal = true }),
		"field cards.rehearsal is not that of the statement"},
	{"card set without number", worldFile, of(func(s *kmdata.World) { s.Cards.Number = 0 }),
		"card set: number 0, but sets are counted from 1"},
	{"KM as KNSO", worldFile, of(func(s *kmdata.World) { s.KNSO.PublicKey = s.KM.PublicKey }),
		"field knso.public_key: an EC P-256 key is expected"},
	{"KNSO as KM", worldFile, of(func(s *kmdata.World) { s.KM.PublicKey = s.KNSO.PublicKey }),
		"field km.public_key: RSA-3072 with exponent 65537 is expected"},
	{"no KNSO", worldFile, of(func(s *kmdata.World) { s.KNSO.PublicKey = "" }),
		"field knso.public_key: public key: not a PEM block"},
	{"no KM", worldFile, of(func(s *kmdata.World) { s.KM.PublicKey = "" }),
		"field km.public_key: public key: not a PEM block"},
	{"KNSO not sealed", worldFile, of(func(s *kmdata.World) { s.KNSO.Sealed = "" }), "a sealed private half is missing"},
	{"KM not sealed", worldFile, of(func(s *kmdata.World) { s.KM.Sealed = "" }), "a sealed private half is missing"},
	{"a card was not written", worldFile, of(func(s *kmdata.World) { s.Present = s.Present[:2] }),
		"field present: every card of a new world is expected"},
	{"a card for somebody else", worldFile, of(func(s *kmdata.World) { s.Present[2].Holder = "Mallory" }),
		"field present: card 3 (Mallory) is not in the card set in force"},

	{"module id", moduleA, of(func(s *kmdata.Module) { s.Module = "A" }), badModule},
	{"no guard", moduleA, of(func(s *kmdata.Module) { s.Guard = "" }),
		`field guard: "" is not one of ["trust" "trust-shared" "trust-by-tool" "login" "login-shared"]`},
	{"guard weaker than the world's", moduleA, of(func(s *kmdata.Module) { s.Guard = kmdata.GuardLogin }),
		"field guard: login is weaker than the world's, trust"},
	{"no KML", moduleA, of(func(s *kmdata.Module) { s.KML = "" }), "field kml: public key: not a PEM block"},
	{"another KML", moduleA2, of(func(s *kmdata.Module) { s.KML = shared.KML[shared.b].Text() }),
		"field kml: statement 2 gives the module another KML"},
	{"form", moduleA, of(func(s *kmdata.Module) { s.Form = "three steps" }),
		"field form: one call or two steps is expected"},
	{"two steps without KW", moduleA, of(func(s *kmdata.Module) { s.Form = kmdata.FormTwoSteps }),
		"field kw: the two-step form has one, and only that form"},
	{"one call with KW", moduleA, of(func(s *kmdata.Module) { s.KW = "a2V5" }),
		"field kw: the two-step form has one, and only that form"},
	{"card set 0", moduleA, of(func(s *kmdata.Module) { s.CardSet = 0 }), "field card_set: at least 1 is expected"},
	{"card set to come", moduleA, of(func(s *kmdata.Module) { s.CardSet = 2 }), "field card_set: 1 is expected"},
	{"card set that was replaced", moduleA2, of(func(s *kmdata.Module) { s.CardSet = 1 }),
		"field card_set: 2 is expected"},
	{"no library", moduleA, of(func(s *kmdata.Module) { s.Library.SHA256 = fingerprint.Sum{} }),
		"field library.sha256 is missing"},
	{"no token", moduleA, of(func(s *kmdata.Module) { s.Token.Serial, s.Token.Label = "", "" }),
		"field token: a serial or a label is expected"},
	{"struck off with a KML", moduleA2, of(func(s *kmdata.Module) { s.StruckOff = "gone" }),
		"field kml: a module that was struck off has none"},
	{"struck off for no reason", moduleA2, of(func(s *kmdata.Module) { s.KML, s.StruckOff = "", "\x1b" }),
		"field struck_off: it is not one line of printable characters"},
	{"struck off, never there", moduleA, of(func(s *kmdata.Module) { s.KML, s.StruckOff = "", "gone" }),
		"field module: no statement of this world names the module A"},

	{"card set number", cards, of(func(s *kmdata.Cards) { s.Cards.Number = 3 }), "field cards.number: 2 is expected"},
	{"the same KM", cards, of(func(s *kmdata.Cards) { s.KM.PublicKey = shared.Chain.World().KM.PublicKey }),
		"field km: it is that of card set 1, and a new KM is expected"},
	{"PIN of a module without id", cards, of(func(s *kmdata.Cards) { s.PINs[0].Module = "A" }), "field pins: " +
		badModule},
	{"PIN of a stranger", cards, of(func(s *kmdata.Cards) { s.PINs[0].Module = strings.Repeat("0", 32) }),
		`field pins: no statement of this world names the module "00000000000000000000000000000000"`},
	{"PIN twice", cards, of(func(s *kmdata.Cards) { s.PINs[1].Module = s.PINs[0].Module }),
		"field pins: the module A appears twice"},

	{"origin of no key", originRSA, of(func(s *kmdata.Origin) { s.Ident = "" }),
		"field ident: the key identifier is empty"},
	{"origin on no module", originRSA, of(func(s *kmdata.Origin) { s.Module = "" }), badModule},
	{"origin on a stranger", originRSA, of(func(s *kmdata.Origin) { s.Module = strings.Repeat("0", 32) }),
		"field module: no statement of this world names the module 00000000000000000000000000000000"},
	{"origin unknown", originRSA, of(func(s *kmdata.Origin) { s.Origin = "" }),
		"field origin: quorum or unproved is expected"},
	{"origin without backup", originRSA, of(func(s *kmdata.Origin) { s.Backup = fingerprint.Sum{} }),
		"field backup_sha256 is missing"},
	{"restored from nothing", originRSA, of(func(s *kmdata.Origin) { s.Restored = true }),
		"field origin: no statement says quorum of the key that was restored"},
	{"origin of another kind of key", originRSA, of(func(s *kmdata.Origin) { s.Bits = 3072 }),
		"field public_key: it is of another kind than RSA-3072"},
	{"kind that does not exist", originRSA, of(func(s *kmdata.Origin) { s.Bits = 1024 }),
		"RSA key of 1024 bits: expected 2048, 3072 or 4096"},
	{"no public key", originRSA, of(func(s *kmdata.Origin) { s.PublicKey = "" }),
		"field public_key: public key: not a PEM block"},
	{"check value of an RSA key", originRSA, of(func(s *kmdata.Origin) { s.CheckValue = strings.Repeat("0", 32) }),
		"field check_value: only AES keys have one"},
	{"public key of an AES key", originAES, of(func(s *kmdata.Origin) { s.PublicKey = "x" }),
		"field public_key: AES keys have none"},
	{"check value of three bytes", originAES, of(func(s *kmdata.Origin) { s.CheckValue = s.CheckValue[:6] }),
		"field check_value: 32 lower-case hex digits are expected"},
	{"check value in capitals", originAES, of(func(s *kmdata.Origin) { s.CheckValue = strings.Repeat("AB", 16) }),
		"field check_value: 32 lower-case hex digits are expected"},
}

func TestContentRules(t *testing.T) {
	for _, r := range slices.Concat(contentRules, authorizationRules) {
		t.Run(r.name, func(t *testing.T) {
			f := copied(t)
			f.change(r.number, r.change)
			_, err := kmdata.Open(f.dir)
			want := strings.Replace(f.statement(r.number), f.dir, "DIR", 1) + ": " + f.named(r.want)
			f.refused(err, exitcode.Check, want)
		})
	}
}

// named puts the modules' ids in place of the words A and B.
func (f *folder) named(text string) string {
	words := strings.Split(text, " ")
	for i, word := range words {
		switch word {
		case "A":
			words[i] = f.a
		case "B":
			words[i] = f.b
		}
	}
	return strings.Join(words, " ")
}

// The same rules hold before a statement is signed: nothing is written.
func TestAppendRefuses(t *testing.T) {
	for _, r := range slices.Concat(contentRules, authorizationRules) {
		if r.number == worldFile {
			continue // Create
		}
		t.Run(r.name, func(t *testing.T) {
			f := copied(t)
			path := f.statement(r.number)
			s := must(kmdata.Parse(path, f.read(path)))(t)
			for n := r.number; n <= lastSeal; n++ {
				f.remove(f.statement(n), kmdata.SignaturePath(f.statement(n)))
			}
			chain := must(kmdata.Open(f.dir))(t)
			r.change(s)
			_, err := chain.Append(s, f.knso(r.number), f.Sets[1].KNSO)
			if exitcode.Of(err) != exitcode.Check || !strings.HasSuffix(err.Error(), ": "+f.named(r.want)) {
				t.Errorf("%v", err)
			}
			if again := must(kmdata.Open(f.dir))(t); again.Last().Number() != r.number-1 {
				t.Errorf("there is %v", again.Last())
			}
		})
	}
}

// A card replacement that brings no new KNSO.
func TestSameKNSO(t *testing.T) {
	f := copied(t)
	old := f.Sets[0].KNSO
	f.change(cards, of(func(s *kmdata.Cards) { s.KNSO.PublicKey, s.Cards.HKNSO = old.Text(), old.Sum() }))
	f.write(kmdata.SecondPath(f.statement(cards)), must(old.Sign(f.read(f.statement(cards))))(t))
	_, err := kmdata.Open(f.dir)
	f.refused(err, exitcode.Check, "DIR/local/statements/000008-cards.json: "+
		"field cards.hknso: it is that of card set 1, and a new KNSO is expected")
}

// A module that was struck off stays so; its token joins as a new module.
func TestStruckOff(t *testing.T) {
	f := copied(t)
	w := f.reopened()
	must(w.StrikeOff(f.b))(t)
	_, err := w.Restate(f.b)
	f.refused(err, exitcode.Check, "DIR/local/statements/000014-module.json: "+
		"field module: statement 13 struck the module "+f.b+" off")
	_, err = w.Chain.Module(f.b)
	f.refused(err, exitcode.Refused, "statement 13 struck the module "+f.b+" off: the module was destroyed")
	if list := w.Chain.Modules(); len(list) != 1 || list[0].Module != f.a {
		t.Errorf("%v", list)
	}
}

// Origins never get better: not by restoring, not by another statement.
func TestOriginNeverGetsBetter(t *testing.T) {
	f := copied(t)
	w := f.reopened()
	known := must(kmdata.Parse("o", f.read(f.statement(originEC))))(t).(*kmdata.Origin)
	sign := func(change func(*kmdata.Origin)) error {
		next := *known
		change(&next)
		_, err := w.Sign(&next)
		return err
	}
	check(t, sign(func(o *kmdata.Origin) { o.Module, o.Restored = f.b, true }))
	if origin, restored := w.Chain.OriginOf("ec", known.Identity, f.b); origin != kmdata.OriginQuorum || !restored {
		t.Errorf("%s, %t", origin, restored)
	}
	if origin, restored := w.Chain.OriginOf("ec", known.Identity, f.a); origin != kmdata.OriginQuorum || restored {
		t.Errorf("on the module that an earlier statement names: %s, %t", origin, restored)
	}
	if origin := w.Chain.OriginOfRestored("ec", known.Identity); origin != kmdata.OriginQuorum {
		t.Errorf("once restored: %s", origin)
	}
	check(t, sign(func(o *kmdata.Origin) { o.Origin, o.Restored = kmdata.OriginUnproved, true }))
	if origin := w.Chain.OriginOfRestored("ec", known.Identity); origin != kmdata.OriginUnproved {
		t.Errorf("once restored, after a statement that says unproved: %s", origin)
	}
	err := sign(func(o *kmdata.Origin) { o.Restored = true })
	f.refused(err, exitcode.Check,
		"DIR/local/statements/000015-origin.json: field origin: statement 14 says unproved of the key")
}

// A break leaves out numbers and goes back in the log.
func TestBreak(t *testing.T) {
	f := copied(t)
	f.cutBehind(seal)
	chain := must(kmdata.Open(f.dir))(t)
	session := kmdata.Session{
		Log:     kmdata.LogHead{Lines: 1, SHA256: ones},
		Break:   &kmdata.Break{Missing: []string{"statements 8 to 12"}, Reason: "the disk was restored from a backup"},
		Above:   12,
		Program: kmdata.Program{Version: "test"},
		Present: []kmdata.CardHolder{{Index: 1, Holder: "Alice"}, {Index: 3, Holder: "Carol"}},
	}
	var s kmdata.Seal
	chain.Next(&s, session)
	if s.Number != 13 {
		t.Errorf("number %d", s.Number)
	}
	must(chain.Append(&s, f.Sets[0].KNSO, nil))(t)
	again := must(kmdata.Open(f.dir))(t)
	heads := again.Heads()
	want := kmdata.Head{Statement: 13, Log: session.Log, Break: session.Break}
	if last := heads[len(heads)-1]; !reflect.DeepEqual(last, want) {
		t.Errorf("%+v", last)
	}
	s.Break = nil
	f.write(again.Last().Path, must(kmdata.Encode(&s))(t))
	f.sign(again.Last().Path, f.Sets[0].KNSO)
	_, err := kmdata.Open(f.dir)
	f.refused(err, exitcode.Check, "DIR/local/statements/000013-seal.json: statement 8 is missing before it")
}

// A rehearsal's KEK is on this computer.
func TestRehearsal(t *testing.T) {
	s := must(kmdata.Parse("s", world(t).Chain.Entries()[approval-1].Data))(t).(*kmdata.Authorization)
	s.Rehearsal = true
	_, err := kmdata.Encode(s)
	refused(t, noFolder, err, exitcode.Check,
		"the authorization statement: pair 1: field kek.kid: a rehearsal's vault is on this computer")
}
