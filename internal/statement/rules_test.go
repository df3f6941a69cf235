package statement_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/keywrap"
	"byok/internal/statement"
	"byok/internal/strictjson"
)

func of[T any](change func(T)) func(statement.Statement) {
	return func(s statement.Statement) { change(s.(T)) }
}

var (
	ones  = fingerprint.Of([]byte("ones"))
	later = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
)

const (
	needsTime = "expected a time in whole seconds, such as 2026-11-25T19:05:00Z"
	badOwn    = "field own_passphrases: expected cards of 1 to 3, in rising order"
	badModule = "field module: expected 32 lower-case hex digits"
)

// contentRule is a change of a statement, and why it is refused.
type contentRule struct {
	name   string
	number int
	change func(statement.Statement)
	want   string // A and B are the modules
}

// What a statement cannot say, whatever came before it.
var contentRules = []contentRule{
	{"number 0", seal, of(func(s *statement.Seal) { s.Number = 0 }), "field number: expected 1 to 999999"},
	{"number 1 of a seal", seal, of(func(s *statement.Seal) { s.Number = 1 }),
		"field number: the world file has number 1, and no other statement has"},
	{"number 2 of the world file", worldFile, of(func(s *statement.World) { s.Number = 2 }),
		"field number: the world file has number 1, and no other statement has"},
	{"number of seven digits", seal, of(func(s *statement.Seal) { s.Number = 1_000_000 }),
		"field number: expected 1 to 999999"},
	{"world file that follows something", worldFile, of(func(s *statement.World) { s.Previous = ones }),
		"field previous: expected zeros in number 1"},
	{"nothing before", seal, of(func(s *statement.Seal) { s.Previous = fingerprint.Sum{} }), "field previous is missing"},
	{"no signer", seal, of(func(s *statement.Seal) { s.HKNSO = fingerprint.Sum{} }), "field hknso is missing"},
	{"log of negative length", seal, of(func(s *statement.Seal) { s.Log.Lines = -1 }),
		"field log.lines: expected at least 0"},
	{"no program", seal, of(func(s *statement.Seal) { s.Program.Version = "" }), "field program.version is missing"},
	{"no time", seal, of(func(s *statement.Seal) { s.Time = time.Time{} }), "field time: a time is missing"},
	{"fractions of a second", seal, of(func(s *statement.Seal) { s.Time = later }), "field time: " + needsTime},
	{"no one present", seal, of(func(s *statement.Seal) { s.Present = nil }),
		"field present: the cards that were read are missing"},
	{"a card twice", seal, of(func(s *statement.Seal) { s.Present[1] = s.Present[0] }),
		"field present: card 1 appears twice"},
	{"a card without holder", seal, of(func(s *statement.Seal) { s.Present[1].Holder = "" }),
		"field present: a card lacks an index or a holder"},
	{"a card number 0", seal, of(func(s *statement.Seal) { s.Present[1].Index = 0 }),
		"field present: a card lacks an index or a holder"},
	{"break without what is missing", seal, of(func(s *statement.Seal) { s.Break = &statement.Break{Reason: "x"} }),
		"field break.missing is empty"},
	{"break without reason", seal, of(func(s *statement.Seal) { s.Break = &statement.Break{Missing: []string{"x"}} }),
		"field break.reason: it is empty"},

	{"label", worldFile, of(func(s *statement.World) { s.Label = strings.Repeat("é", 17) }),
		`field label: label "ééééééééééééééééé": expected 1 to 32 bytes of text`},
	{"suite", worldFile, of(func(s *statement.World) { s.Suite = "DES" }),
		"field cipher_suite: expected DLf3072s256mRijndael or DLf1024s160mRijndael"},
	{"guard", worldFile, of(func(s *statement.World) { s.Guard = "none" }),
		`field guard: "none" is not one of ["trust" "trust-shared" "trust-by-tool" "login" "login-shared"]`},
	{"hknso of others", worldFile, of(func(s *statement.World) { s.HKNSO = ones }),
		"field hknso does not match the card set"},
	{"card set of others", worldFile, of(func(s *statement.World) { s.HKNSO, s.Cards.HKNSO = ones, ones }),
		"field cards.hknso is not the SHA-256 of knso.public_key"},
	{"a chosen passphrase of no card", worldFile,
		of(func(s *statement.World) { s.Own = statement.OwnPassphrases{4} }), badOwn},
	{"card 0", worldFile, of(func(s *statement.World) { s.Own = statement.OwnPassphrases{0} }), badOwn},
	{"the same card twice", worldFile, of(func(s *statement.World) { s.Own = statement.OwnPassphrases{2, 2} }), badOwn},
	{"no chosen passphrase listed", worldFile, of(func(s *statement.World) { s.Own = statement.OwnPassphrases{} }),
		"field own_passphrases: it must be omitted when empty"},
	{"new cards, unsorted", cards, of(func(s *statement.Cards) { s.Own = statement.OwnPassphrases{2, 1} }), badOwn},
	{"card set of a rehearsal", worldFile, of(func(s *statement.World) { s.Cards.Rehearsal = true }),
		"field cards.rehearsal does not match the statement"},
	{"card set without number", worldFile, of(func(s *statement.World) { s.Cards.Number = 0 }),
		"card set: number 0, but sets are counted from 1"},
	{"KM as KNSO", worldFile, of(func(s *statement.World) { s.KNSO.PublicKey = s.KM.PublicKey }),
		"field knso.public_key: expected an EC P-256 key"},
	{"KNSO as KM", worldFile, of(func(s *statement.World) { s.KM.PublicKey = s.KNSO.PublicKey }),
		"field km.public_key: expected RSA-3072 with exponent 65537"},
	{"no KNSO", worldFile, of(func(s *statement.World) { s.KNSO.PublicKey = "" }),
		"field knso.public_key: public key: not a PEM block"},
	{"no KM", worldFile, of(func(s *statement.World) { s.KM.PublicKey = "" }),
		"field km.public_key: public key: not a PEM block"},
	{"KNSO not sealed", worldFile, of(func(s *statement.World) { s.KNSO.Sealed = "" }),
		"a sealed private half is missing"},
	{"KM not sealed", worldFile, of(func(s *statement.World) { s.KM.Sealed = "" }), "a sealed private half is missing"},
	{"a card was not written", worldFile, of(func(s *statement.World) { s.Present = s.Present[:2] }),
		"field present: every card of a new world must be there"},
	{"a card for somebody else", worldFile, of(func(s *statement.World) { s.Present[2].Holder = "Mallory" }),
		"field present: card 3 (Mallory) is not in the card set in force"},

	{"module id", moduleA, of(func(s *statement.Module) { s.Module = "A" }), badModule},
	{"no guard", moduleA, of(func(s *statement.Module) { s.Guard = "" }),
		`field guard: "" is not one of ["trust" "trust-shared" "trust-by-tool" "login" "login-shared"]`},
	{"a vendor's quorum that steers a terminal", moduleA, of(func(s *statement.Module) { s.VendorQuorum = "a\x1bb" }),
		`field vendor_quorum: it is not one line of printable characters`},
	{"trust route", moduleA, of(func(s *statement.Module) { s.Trust = "by luck" }),
		`field trust_route: "by luck" is not one of ["at creation" "afterwards" "by the vendor's tool"]`},
	{"no KML", moduleA, of(func(s *statement.Module) { s.KML = "" }), "field kml: public key: not a PEM block"},
	{"form", moduleA, of(func(s *statement.Module) { s.Form = "three steps" }),
		"field form: expected one call or two steps"},
	{"two steps without KW", moduleA, of(func(s *statement.Module) { s.Form = keywrap.TwoSteps }),
		"field kw: required in the two-step form, unless nothing is trusted, and only there"},
	{"one call with KW", moduleA, of(func(s *statement.Module) { s.KW = "a2V5" }),
		"field kw: required in the two-step form, unless nothing is trusted, and only there"},
	{"card set 0", moduleA, of(func(s *statement.Module) { s.CardSet = 0 }), "field card_set: expected at least 1"},
	{"no library", moduleA, of(func(s *statement.Module) { s.Library.SHA256 = fingerprint.Sum{} }),
		"field library.sha256 is missing"},
	{"no token", moduleA, of(func(s *statement.Module) { s.Token.Serial, s.Token.Label = "", "" }),
		"field token: expected a serial or a label"},
	{"struck off with a KML", moduleA, of(func(s *statement.Module) { s.StruckOff = "gone" }),
		"field kml: a module that was struck off has none"},
	{"struck off for no reason", moduleA, of(func(s *statement.Module) { s.KML, s.StruckOff = "", "\x1b" }),
		"field struck_off: it is not one line of printable characters"},

	{"PIN of a module without id", cards, of(func(s *statement.Cards) { s.PINs[0].Module = "A" }), "field pins: " +
		badModule},
	{"PIN twice", cards, of(func(s *statement.Cards) { s.PINs = slices.Repeat(s.PINs, 2) }),
		"field pins: the module A appears twice"},

	{"origin of no key", originRSA, of(func(s *statement.Origin) { s.Ident = "" }),
		"field ident: the key identifier is empty"},
	{"origin on no module", originRSA, of(func(s *statement.Origin) { s.Module = "" }), badModule},
	{"origin unknown", originRSA, of(func(s *statement.Origin) { s.Origin = "" }),
		"field origin: expected quorum or unproved"},
	{"origin without backup", originRSA, of(func(s *statement.Origin) { s.Backup = fingerprint.Sum{} }),
		"field backup_sha256 is missing"},
	{"origin of another kind of key", originRSA, of(func(s *statement.Origin) { s.Bits = 3072 }),
		"field public_key: it is not of type RSA-3072"},
	{"kind that does not exist", originRSA, of(func(s *statement.Origin) { s.Bits = 1024 }),
		"RSA key of 1024 bits: expected 2048, 3072 or 4096"},
	{"no public key", originRSA, of(func(s *statement.Origin) { s.PublicKey = "" }),
		"field public_key: public key: not a PEM block"},
	{"check value of an RSA key", originRSA, of(func(s *statement.Origin) { s.CheckValue = strings.Repeat("0", 32) }),
		"field check_value: only AES keys have one"},
	{"public key of an AES key", originAES, of(func(s *statement.Origin) { s.PublicKey = "x" }),
		"field public_key: AES keys have none"},
	{"check value of three bytes", originAES, of(func(s *statement.Origin) { s.CheckValue = s.CheckValue[:6] }),
		"field check_value: expected 32 lower-case hex digits"},
	{"check value in capitals", originAES, of(func(s *statement.Origin) { s.CheckValue = strings.Repeat("AB", 16) }),
		"field check_value: expected 32 lower-case hex digits"},
}

func TestContentRules(t *testing.T) {
	for _, r := range slices.Concat(contentRules, authorizationRules) {
		t.Run(r.name, func(t *testing.T) {
			s := example(t, r.number)
			r.change(s)
			want := strings.ReplaceAll(r.want, " A ", " "+world(t).Module()+" ")
			_, err := statement.Encode(s)
			refused(t, err, exitcode.Check, "the "+statement.Name(s)+" statement: "+want)
			_, err = statement.Parse("s", must(strictjson.Marshal(s))(t))
			refused(t, err, exitcode.Check, "s: "+want)
		})
	}
}

// The rules allow every example from which they start, a module that is struck
// off, and a break.
func TestExamplesAreAllowed(t *testing.T) {
	for n := worldFile; n <= cards; n++ {
		must(statement.Encode(example(t, n)))(t)
	}
	m := example(t, moduleA).(*statement.Module)
	m.KML, m.StruckOff = "", "the module was destroyed"
	must(statement.Encode(m))(t)
	s := example(t, seal).(*statement.Seal)
	s.Break = &statement.Break{Missing: []string{"statement 5"}, Reason: "the disk was restored from a backup"}
	must(statement.Encode(s))(t)
}

// A rehearsal's KEK is on this computer.
func TestRehearsal(t *testing.T) {
	s := example(t, approval).(*statement.Authorization)
	s.Rehearsal = true
	_, err := statement.Encode(s)
	refused(t, err, exitcode.Check,
		"the authorization statement: pair 1: field kek.kid: a rehearsal's vault must be on this computer")
}

// The cards that were read are of the set in force, and at least its quorum.
func TestCheckQuorum(t *testing.T) {
	set := world(t).Sets[0].Set // 2 of Alice, Bob and Carol
	for _, c := range []struct {
		name    string
		present []statement.CardHolder
		want    string // "" is allowed
	}{
		{"two", []statement.CardHolder{{1, "Alice"}, {3, "Carol"}}, ""},
		{"all", []statement.CardHolder{{1, "Alice"}, {2, "Bob"}, {3, "Carol"}}, ""},
		{"one", []statement.CardHolder{{1, "Alice"}}, "field present: 1 card, but the quorum is 2/3"},
		{"card 0", []statement.CardHolder{{0, "Alice"}, {2, "Bob"}},
			"field present: card 0 (Alice) is not in the card set in force"},
		{"card 4", []statement.CardHolder{{1, "Alice"}, {4, "Dave"}},
			"field present: card 4 (Dave) is not in the card set in force"},
		{"another holder", []statement.CardHolder{{1, "Alice"}, {2, "Mallory"}},
			"field present: card 2 (Mallory) is not in the card set in force"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := statement.CheckQuorum(set, c.present); c.want != "" || err != nil {
				refused(t, err, exitcode.Failed, c.want)
			}
		})
	}
}
