package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/statement"
)

func TestForgedStatements(t *testing.T) { withStatements().try(t) }

// withStatements is what KNSO signed, and another key signs.
func withStatements() deeds {
	return deeds{
		heading: "Statements", who: "the operator, or whoever edits kmdata later",
		list: slices.Concat(in(nil, changedStatements()...), in(withTransfers, movedStatements()...), changedReplacement()),
	}
}

// The statements of a world in state modified.
const (
	worldStatement = "kmdata/local/world"
	moduleState    = "kmdata/local/statements/000002-module.json"
	originState    = "kmdata/local/statements/000003-origin.json"
	lastOrigin     = "kmdata/local/statements/000004-origin.json"
	approvalState  = "kmdata/local/statements/000006-authorization.json"
	lastState      = "kmdata/local/statements/000007-authorization.json"
)

// changedStatements edits fields of every type of statement. KML signs the
// result: the operator has no other key of the world.
func changedStatements() (list []deed) {
	for _, edit := range []struct{ what, path, from, to, want string }{
		{"a world that is no rehearsal", worldStatement, `"rehearsal": true`, `"rehearsal": false`,
			"3: kmdata/local/world: field cards.rehearsal does not match the statement"},
		{"a world of another label", worldStatement, `"label": "stage"`, `"label": "other"`,
			"3: kmdata/local/world: the signature world.sig is not of this content: the file was altered, or another key " +
				"signed it"},
		{"a world of a weaker guard", worldStatement, `"guard": "trust"`, `"guard": "login"`,
			"3: kmdata/local/world: the signature world.sig is not of this content: the file was altered, or another key " +
				"signed it"},
		{"a world of which one card is enough", worldStatement, `"quorum": "2/3"`, `"quorum": "1/3"`,
			"3: kmdata/local/world: card set: 3 holders and 2 commitments for quorum 1/3"},
		{"a world with another holder", worldStatement, `"Ada"`, `"Eve"`,
			"3: kmdata/local/world: field present: card 1 (Eve) is not in the card set in force"},
		{"a world of another type", worldStatement, `"byok-world"`, `"byok-cards"`,
			`3: kmdata/local/world: type is "byok-cards", expected "byok-world"`},
		{"a world of a later version", worldStatement, `"version": 1`, `"version": 2`,
			"3: kmdata/local/world: version 2 of byok-world, written by a later release; this one reads version 1"},
		{"a module that loads another library", moduleState, `"family": "`, `"family": "x`,
			"3: kmdata/local/statements/000002-module.json: the signature 000002-module.sig is not of this content: the " +
				"file was altered, or another key signed it"},
		{"a module of another token", moduleState, `"label": "stage"`, `"label": "other"`,
			"3: kmdata/local/statements/000002-module.json: the signature 000002-module.sig is not of this content: the " +
				"file was altered, or another key signed it"},
		{"a module of a weaker guard", moduleState, `"guard": "trust"`, `"guard": "trust-by-tool"`,
			"3: kmdata/local/statements/000002-module.json: the signature 000002-module.sig is not of this content: the " +
				"file was altered, or another key signed it"},
		{"a module of the one-call form", moduleState, `"form": "two steps"`, `"form": "one call"`,
			"3: kmdata/local/statements/000002-module.json: field kw: required in the two-step form, unless nothing is trusted, " +
				"and only there"},
		{"an origin of another key", originState, `"ident": "rsa"`, `"ident": "aes"`,
			"3: kmdata/local/statements/000003-origin.json: the signature 000003-origin.sig is not of this content: the " +
				"file was altered, or another key signed it"},
		{"an origin that was restored", originState, `"restored": false`, `"restored": true`,
			"3: kmdata/local/statements/000003-origin.json: the signature 000003-origin.sig is not of this content: the " +
				"file was altered, or another key signed it"},
		{"an authorization for another name", approvalState, `"Vault-ec"`, `"Payroll"`,
			"3: kmdata/local/statements/000006-authorization.json: the signature 000006-authorization.sig is not of this " +
				"content: the file was altered, or another key signed it"},
		{"an authorization for another vault", approvalState, `localhost:8443`, `localhost:9443`,
			`3: kmdata/local/statements/000006-authorization.json: pair 1: field kek.said: "Olga" named a different key ` +
				`identifier than the packages`},
		{"an authorization of an exportable key", approvalState, `"exportable": false`, `"exportable": true`,
			"3: kmdata/local/statements/000006-authorization.json: pair 1: field target.exportable: an exportable key " +
				"needs a release policy"},
		{"an authorization of another origin", approvalState, `"origin": "quorum"`, `"origin": "unproved"`,
			"3: kmdata/local/statements/000006-authorization.json: the signature 000006-authorization.sig is not of this " +
				"content: the file was altered, or another key signed it"},
		{"an authorization with another time", approvalState, `"time": "20`, `"time": "19`,
			"3: kmdata/local/statements/000006-authorization.json: the signature 000006-authorization.sig is not of this " +
				"content: the file was altered, or another key signed it"},
		{"an authorization by another holder", approvalState, `"Ada"`, `"Eve"`,
			"3: kmdata/local/statements/000006-authorization.json: the signature 000006-authorization.sig is not of this " +
				"content: the file was altered, or another key signed it"},
	} {
		list = append(list,
			deed{name: edit.what, state: modified, do: editing(edit.path, edit.from, edit.to), then: thenCheck,
				want: edit.want, also: but(holding(edit.path), where(strings.HasSuffix(edit.what, "weaker guard"), adopted)...)})
	}
	return list
}

func editing(path, from, to string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		text := string(mustDo(os.ReadFile(s.path(path)))(t))
		changed := strings.Replace(text, from, to, 1)
		if changed == text {
			t.Fatalf("%s does not hold %s", path, from)
		}
		s.forge(t, s.path(path), []byte(changed))
	}
}

// movedStatements removes, adds and exchanges whole statements.
func movedStatements() []deed {
	return []deed{
		{name: "a statement in the middle removed", state: modified, also: but(withKeys, generated), do: dropping(lastOrigin), then: thenCheck,
			want: "3: kmdata/local/statements/000005-authorization.json: statement 4 is missing before it"},
		{name: "the last statement removed", state: modified, also: but(onAnyToken, recovered), do: toLast(droppingOne), then: thenCheck,
			want: "3: anchor the token knows statement 7, …, which kmdata does not contain"},
		{name: "the last statement removed", state: modified, also: but(onAnyToken, recovered), do: toLast(droppingOne), then: thenSeal,
			want: "2: cannot ask for the reason for what is missing, for the record: /dev/tty cannot be opened and " +
				"standard input is not a terminal"},
		{name: "the last statement removed, and a reason given", state: modified, also: but(onAnyToken, recovered), do: toLast(droppingOne),
			then: thenSeal + ` --break-reason "a disk was lost"`, want: "0: nothing", note: "the next statement carries " +
				"the break and the reason"},
		{name: "every statement but the world removed", state: modified, also: but(withKeys, generated, restored), do: droppingAll, then: thenSeal,
			want: "2: cannot ask for the reason for what is missing, for the record: /dev/tty cannot be opened and " +
				"standard input is not a terminal"},
		{name: "a statement doubled under the next number", state: modified,
			do: moving(originState, "000008-origin.json",
				true), then: thenCheck, want: "3: kmdata/local/statements/000008-origin.json: it says that it is statement " +
				"3: the file was renamed"},
		{name: "a statement renumbered", state: modified, do: moving(lastState, "000008-authorization.json", false),
			then: thenCheck, want: "3: kmdata/local/statements/000008-authorization.json: it says that it is statement " +
				"7: the file was renamed"},
		{name: "two statements of one number", state: modified, do: moving(lastState, "000007-seal.json", true),
			then: thenCheck, want: "3: two statements have the number 7: " +
				"kmdata/local/statements/000007-authorization.json and 000007-seal.json: a fork"},
		{name: "a statement under the name of another type", state: modified,
			do: moving(lastState, "000007-seal.json",
				false), then: thenCheck, want: `3: kmdata/local/statements/000007-seal.json: type is "byok-authorization", ` +
				`expected "byok-seal"`},
		{name: "a file that is named like no statement", state: modified, do: moving(lastState, "backup.json", true),
			then: thenCheck, want: "3: kmdata/local/statements/backup.json: it is not named like a statement"},
		{name: "a statement without a signature", state: modified, also: onAnyToken, do: toLast(unsigned), then: thenCheck,
			want: "3: kmdata/local/statements/000007-authorization.json: its signature 000007-authorization.sig is missing"},
		{name: "a signature of another statement", state: modified, do: signedAs(lastState, approvalState),
			then: thenCheck, want: "3: kmdata/local/statements/000007-authorization.json: the signature " +
				"000007-authorization.sig is not of this content: the file was altered, or another key signed it"},
		{name: "a signature without a statement", state: modified, do: loneSignature, then: thenCheck,
			want: "3: files of kmdata kmdata/local/statements/000008-seal.sig signs a file that does not exist",
			note: "it counts for nothing: what was to be signed is not there"},
		{name: "an empty statement", state: modified, also: onAnyToken, do: toLast(overwritingWith("")), then: thenCheck,
			want: "3: kmdata/local/statements/000007-authorization.json: not valid JSON at byte 0"},
		{name: "a statement of zeros", state: modified, also: onAnyToken, do: toLast(overwritingWith(strings.Repeat("\x00", 900))),
			then: thenCheck, want: "3: kmdata/local/statements/000007-authorization.json: not valid JSON at byte 0"},
		{name: "an authorization with an attestation that no quorum saw", state: modified, do: attestedLater,
			then: thenCheck, want: "3: kmdata/local/statements/000006-authorization.json: the signature " +
				"000006-authorization.sig is not of this content: the file was altered, or another key signed it"},
		{name: "an attestation that no quorum saw, beside those that one did", state: modified, do: plantedAttestation,
			then: thenCheck, want: "3: files of kmdata kmdata/local/attestations/vendor.pem is not named by a hash"},
		{name: "a new statement that KML signed", state: modified, do: forgedSeal, then: thenCheck,
			want: "3: kmdata/local/statements/000008-seal.json: the signature 000008-seal.sig is not of this content: " +
				"the file was altered, or another key signed it"},
		{name: "a statement of another world", state: modified, also: withEC, do: ofAnotherWorld("statements/000003-origin"),
			then: thenCheck, want: "3: kmdata/local/statements/000003-origin.json: it does not follow statement 2: one " +
				"of them was altered or is of another copy"},
		{name: "a key file of another world", state: modified, also: withEC, do: ofAnotherWorld("key_simple_ec"), then: thenModify,
			want: "3: kmdata/local/key_simple_ec: it belongs to another security world (hknso …)"},
		{name: "the world file of another world", state: modified, also: onAnyToken, do: ofAnotherWorld("world"), then: thenCheck,
			want: "3: kmdata/local/statements/000002-module.json: it does not follow statement 1: one of them was " +
				"altered or is of another copy"},
		{name: "every statement signed again by an own KNSO", state: modified, also: but(onAnyToken, replaced), do: ownKNSO(false), then: thenCheck,
			want: "3: anchor the token knows statement 7, …, which kmdata does not contain"},
		{name: "every statement signed again by an own KNSO", state: modified, also: but(withEC, replaced), do: ownKNSO(false), then: thenModify,
			want: "6: card1: card 1 (Ada) belongs to a different security world than kmdata (hknso …, not …)"},
		{name: "the same, and the rehearsal mark taken off", state: modified, also: but(onAnyToken, replaced), do: ownKNSO(true), then: thenSeal,
			want: "6: card1: card 1 (Ada) belongs to a different security world than kmdata (hknso …, not …)",
			note: "the mark is on the cards too"},
	}
}

// changedReplacement edits the statement of a card replacement, which two keys
// sign.
func changedReplacement() []deed {
	const replacement = "kmdata/local/statements/000005-cards.json"
	return []deed{
		{name: "a card replacement with another holder", state: replaced, do: editing(replacement, `"Dan"`, `"Eva"`),
			then: thenCheck, want: "3: kmdata/local/statements/000005-cards.json: the signature 000005-cards.sig is not " +
				"of this content: the file was altered, or another key signed it"},
		{name: "a card replacement of which one card is enough", state: replaced,
			do: editing(replacement, `"quorum": "2/2"`,
				`"quorum": "1/2"`), then: thenCheck, want: "3: kmdata/local/statements/000005-cards.json: card set: 2 " +
				"holders and 2 commitments for quorum 1/2"},
		{name: "a card replacement without the new KNSO's signature", state: replaced,
			do: removing("statements/000005-cards.new.sig"), then: thenCheck, want: "3: kmdata/local/statements/000005-cards.json: its signature 000005-cards.new.sig is missing"},
		{name: "a card replacement whose new signature is the old KNSO's", state: replaced, do: signedByOld,
			then: thenCheck, want: "3: kmdata/local/statements/000005-cards.json: the signature 000005-cards.new.sig is " +
				"not of this content: the file was altered, or another key signed it"},
		{name: "a card replacement removed with all that follows", state: replaced, do: unreplaced, then: thenCheck,
			want: `3: trusted objects token "stage" (serial …) holds trusted objects that this world did not make: ` +
				`trusted public key "byok-anchor-000008-…"; trusted public key "byok-km-…-2"; trusted secret key ` +
				`"byok-kw-…-2"`},
	}
}

func signedByOld(t *testing.T, s *stage) {
	path := "kmdata/local/statements/000005-cards"
	mustWrite(t, s.path(path+".new.sig"), mustDo(os.ReadFile(s.path(path+".sig")))(t))
}

func unreplaced(t *testing.T, s *stage) {
	for _, path := range mustDo(filepath.Glob(s.path("kmdata/local/statements/*")))(t) {
		if filepath.Base(path) >= "000005" {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// pairAt are a statement and its signature.
func (s *stage) pairAt(path string) []string {
	return []string{s.path(path), kmdata.SignaturePath(s.path(path))}
}

func dropping(paths ...string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		for _, path := range paths {
			for _, one := range s.pairAt(path) {
				if err := os.Remove(one); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func droppingAll(t *testing.T, s *stage) {
	for _, path := range mustDo(filepath.Glob(s.path("kmdata/local/statements/0000*")))(t) {
		if !strings.Contains(path, "000002") {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// moving gives a statement another name, and keeps it under the old one too.
func moving(path, name string, keep bool) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		to := s.pairAt("kmdata/local/statements/" + name)
		for i, from := range s.pairAt(path) {
			mustWrite(t, to[i], mustDo(os.ReadFile(from))(t))
		}
		if !keep {
			dropping(path)(t, s)
		}
	}
}

func unsigned(path string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		if err := os.Remove(s.pairAt(path)[1]); err != nil {
			t.Fatal(err)
		}
	}
}

func signedAs(path, other string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		mustWrite(t, s.pairAt(path)[1], mustDo(os.ReadFile(s.pairAt(other)[1]))(t))
	}
}

func loneSignature(t *testing.T, s *stage) {
	mustWrite(t, s.path("kmdata/local/statements/000008-seal.sig"), mustDo(os.ReadFile(s.pairAt(lastState)[1]))(t))
}

func overwriting(path, text string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) { mustWrite(t, s.path(path), []byte(text)) }
}

// forgedSeal follows the last statement in everything except its signer.
func forgedSeal(t *testing.T, s *stage) {
	last := s.chain(t).Last()
	text := string(last.Data)
	header, _, _ := strings.Cut(text, `  "module": "`)
	header = strings.TrimSuffix(strings.TrimRight(header, " \n"), ",") + "\n}\n"
	for _, change := range [][2]string{
		{"byok-authorization", "byok-seal"}, {`"number": 7`, `"number": 8`},
		{statement.HeaderOf(last.Statement).Previous.String(), last.Sum.String()},
	} {
		header = strings.Replace(header, change[0], change[1], 1)
	}
	s.forge(t, s.path("kmdata/local/statements/000008-seal.json"), []byte(header))
}

func ofAnotherWorld(name string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		other := kept(t, foreign)
		for _, end := range []string{"", ".json", ".sig"} {
			if data, err := os.ReadFile(other.path("kmdata/local/" + name + end)); err == nil {
				mustWrite(t, s.path("kmdata/local/"+name+end), data)
			}
		}
	}
}

// ownKNSO makes the operator the root of the world: another KNSO in the world
// file, and every statement and key file signed again to fit.
func ownKNSO(production bool) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		private := mustDo(newEC())(t)
		chain := s.chain(t)
		was := strings.NewReplacer(
			encodedPEM(chain.World().KNSO.PublicKey), encodedPEM(mustDo(keykind.MarshalPublicKey(&private.PublicKey))(t)),
			chain.HKNSO().String(), mustDo(keykind.SPKIHash(&private.PublicKey))(t).String(),
		)
		sums := map[string]string{}
		for _, e := range chain.Entries() {
			text := s.resigned(was.Replace(string(e.Data)), sums, production)
			sums[e.Sum.String()] = fingerprint.Of([]byte(text)).String()
			mustWrite(t, e.Path, []byte(text))
			mustWrite(t, kmdata.SignaturePath(e.Path), signedBy(t, private, []byte(text)))
		}
		for _, path := range mustDo(filepath.Glob(s.path("kmdata/local/key_*")))(t) {
			if !strings.HasSuffix(path, ".sig") {
				s.forge(t, path, []byte(s.resigned(was.Replace(string(mustDo(os.ReadFile(path))(t))), sums, production)))
			}
		}
		if _, err := kmdata.Open(s.path("kmdata")); err != nil {
			t.Fatalf("the forged world does not even verify by itself: %v", err)
		}
	}
}

// resigned carries the hashes of the statements as they are now.
func (s *stage) resigned(text string, sums map[string]string, production bool) string {
	for before, now := range sums {
		text = strings.ReplaceAll(text, before, now)
	}
	if production {
		text = strings.ReplaceAll(text, `"rehearsal": true`, `"rehearsal": false`)
	}
	return text
}

// encodedPEM is a PEM block as JSON has it.
func encodedPEM(text string) string { return strings.ReplaceAll(text, "\n", `\n`) }
