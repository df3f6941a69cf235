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
	"byok/internal/statement"
)

func of[T any](change func(T)) func(statement.Statement) {
	return func(s statement.Statement) { change(s.(T)) }
}

var (
	ones  = fingerprint.Of([]byte("ones"))
	later = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
)

const needsTime = "expected a time in whole seconds, such as 2026-11-25T19:05:00Z"

// contentRule is a change of a statement, and why it is refused.
type contentRule struct {
	name   string
	number int
	change func(statement.Statement)
	want   string // A and B are the modules
}

// What a quorum cannot sign after the statements before it, or what no reader
// takes from it: each change is signed with the world's own keys, and all that
// follows is linked again. Package statement tests what a statement cannot say
// whatever came before it; one such row is enough here.
var contentRules = []contentRule{
	{"number 0", seal, of(func(s *statement.Seal) { s.Number = 0 }), "field number: expected 1 to 999999"},
	{"log shorter than before", seal, of(func(s *statement.Seal) { s.Log.Lines = 1 }),
		"field log: it does not continue the log of statement 6"},
	{"log rewritten", seal, of(func(s *statement.Seal) { s.Log.Lines = 18 }),
		"field log: it does not continue the log of statement 6"},
	{"one of two present", seal, of(func(s *statement.Seal) { s.Present = s.Present[:1] }),
		"field present: 1 card, but the quorum is 2/3"},
	{"a card number 4", seal, of(func(s *statement.Seal) { s.Present[1].Index = 4 }),
		"field present: card 4 (Bob) is not in the card set in force"},
	{"another holder", seal, of(func(s *statement.Seal) { s.Present[1].Holder = "Mallory" }),
		"field present: card 2 (Mallory) is not in the card set in force"},
	{"rehearsal in production", seal, of(func(s *statement.Seal) { s.Rehearsal = true }),
		"its rehearsal mark is not the world's"},

	{"label", worldFile, of(func(s *statement.World) { s.Label = strings.Repeat("é", 17) }),
		`field label: label "ééééééééééééééééé": expected 1 to 32 bytes of text`},

	{"a user PIN with the operator", moduleA, of(func(s *statement.Module) { s.UserPIN.Characters = 40 }),
		"field user_pin: required where the cards hold the user PIN, and only there; the guard is trust"},
	{"guard weaker than the world's", moduleA, of(func(s *statement.Module) { s.Guard = statement.GuardTrustByTool }),
		"field guard: trust-by-tool is weaker than the world's, trust"},
	{"another KML", moduleA2, of(func(s *statement.Module) { s.KML = shared.KML[shared.b].Text() }),
		"field kml: statement 2 gives the module another KML"},
	{"card set to come", moduleA, of(func(s *statement.Module) { s.CardSet = 2 }), "field card_set: expected 1"},
	{"card set that was replaced", moduleA2, of(func(s *statement.Module) { s.CardSet = 1 }),
		"field card_set: expected 2"},
	{"struck off, never there", moduleA, of(func(s *statement.Module) { s.KML, s.StruckOff = "", "gone" }),
		"field module: no statement of this world names the module A"},

	{"card set number", cards, of(func(s *statement.Cards) { s.Cards.Number = 3 }), "field cards.number: expected 2"},
	{"the same KM", cards, of(func(s *statement.Cards) { s.KM.PublicKey = shared.Chain.World().KM.PublicKey }),
		"field km: it is that of card set 1; expected a new KM"},
	{"PIN of a stranger", cards, of(func(s *statement.Cards) { s.PINs[0].Module = strings.Repeat("0", 32) }),
		`field pins: no statement of this world names the module "00000000000000000000000000000000"`},

	{"origin on a stranger", originRSA, of(func(s *statement.Origin) { s.Module = strings.Repeat("0", 32) }),
		"field module: no statement of this world names the module 00000000000000000000000000000000"},
	{"restored from nothing", originRSA, of(func(s *statement.Origin) { s.Restored = true }),
		"field origin: no statement says quorum of the key that was restored"},
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
			s := must(statement.Parse(path, f.read(path)))(t)
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
	f.change(cards, of(func(s *statement.Cards) { s.KNSO.PublicKey, s.Cards.HKNSO = old.Text(), old.Sum() }))
	f.write(kmdata.SecondPath(f.statement(cards)), must(old.Sign(f.read(f.statement(cards))))(t))
	_, err := kmdata.Open(f.dir)
	f.refused(err, exitcode.Check, "DIR/local/statements/000008-cards.json: "+
		"field cards.hknso: it is that of card set 1; expected a new KNSO")
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
	known := must(statement.Parse("o", f.read(f.statement(originEC))))(t).(*statement.Origin)
	sign := func(change func(*statement.Origin)) error {
		next := *known
		change(&next)
		_, err := w.Sign(&next)
		return err
	}
	check(t, sign(func(o *statement.Origin) { o.Module, o.Restored = f.b, true }))
	if origin, restored := w.Chain.OriginOf("ec", known.Identity, f.b); origin != statement.OriginQuorum || !restored {
		t.Errorf("%s, %t", origin, restored)
	}
	if origin, restored := w.Chain.OriginOf("ec", known.Identity, f.a); origin != statement.OriginQuorum || restored {
		t.Errorf("on the module that an earlier statement names: %s, %t", origin, restored)
	}
	if origin := w.Chain.OriginOfRestored("ec", known.Identity); origin != statement.OriginQuorum {
		t.Errorf("once restored: %s", origin)
	}
	check(t, sign(func(o *statement.Origin) { o.Origin, o.Restored = statement.OriginUnproved, true }))
	if origin := w.Chain.OriginOfRestored("ec", known.Identity); origin != statement.OriginUnproved {
		t.Errorf("once restored, after a statement that says unproved: %s", origin)
	}
	err := sign(func(o *statement.Origin) { o.Restored = true })
	f.refused(err, exitcode.Check,
		"DIR/local/statements/000015-origin.json: field origin: statement 14 says unproved of the key")
}

// A break leaves out numbers and goes back in the log.
func TestBreak(t *testing.T) {
	f := copied(t)
	f.cutBehind(seal)
	chain := must(kmdata.Open(f.dir))(t)
	session := kmdata.Session{
		Log:     statement.LogHead{Lines: 1, SHA256: ones},
		Break:   &statement.Break{Missing: []string{"statements 8 to 12"}, Reason: "the disk was restored from a backup"},
		Above:   12,
		Program: statement.Program{Version: "test"},
		Present: []statement.CardHolder{{Index: 1, Holder: "Alice"}, {Index: 3, Holder: "Carol"}},
	}
	var s statement.Seal
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
	f.write(again.Last().Path, must(statement.Encode(&s))(t))
	f.sign(again.Last().Path, f.Sets[0].KNSO)
	_, err := kmdata.Open(f.dir)
	f.refused(err, exitcode.Check, "DIR/local/statements/000013-seal.json: statement 8 is missing before it")
}
