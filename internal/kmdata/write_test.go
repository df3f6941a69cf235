package kmdata_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/quorum"
	"byok/internal/testkit/softworld"
)

// A head in a statement is the ceremony log's.
var _ = ceremony.Head(kmdata.LogHead{})

// A signature by the wrong key, or none, leaves nothing behind.
func TestAppendSignatures(t *testing.T) {
	f := copied(t)
	w := f.reopened()
	path := "DIR/local/statements/000013-seal.json"
	const mine = "the signature does not belong to this content and this public key"
	for name, c := range map[string]struct {
		signer kmdata.Signer
		want   string
	}{
		"KML":              {f.KML[f.a], path + ": the new signature does not verify: " + mine},
		"the former KNSO":  {f.Sets[0].KNSO, path + ": the new signature does not verify: " + mine},
		"a broken session": {broken{}, "the token is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			var s kmdata.Seal
			w.Chain.Next(&s, w.Session())
			_, err := w.Chain.Append(&s, c.signer, nil)
			refused(t, f.dir, err, exitcode.Failed, c.want)
		})
	}
	names := must(os.ReadDir(kmdata.StatementsDir(f.dir)))(t)
	if last := names[len(names)-1].Name(); last != "000012-seal.sig" {
		t.Errorf("%s is left", last)
	}
}

func TestAppendSecondSignature(t *testing.T) {
	f := copied(t)
	f.cutBehind(seal)
	w := f.reopened()
	s := must(kmdata.Parse("cards", f.Chain.Entries()[cards-1].Data))(t).(*kmdata.Cards)
	w.Chain.Next(s, f.session(f.Sets[0].Set))
	_, err := w.Chain.Append(s, f.Sets[0].KNSO, f.Sets[0].KNSO)
	f.refused(err, exitcode.Failed, "DIR/local/statements/000008-cards.json: the new signature does not verify: "+
		"the signature does not belong to this content and this public key")
	e := must(w.Chain.Append(s, f.Sets[0].KNSO, f.Sets[1].KNSO))(t)
	if e.String() != "statement 8 (cards)" || len(e.Second) == 0 || w.Chain.HKNSO() != s.NewHKNSO() {
		t.Errorf("%v", e)
	}
}

// session is a session of a card set that goes on with the fixture's log.
func (f *folder) session(set quorum.CardSet) kmdata.Session {
	var present []kmdata.CardHolder
	for i, holder := range set.Holders {
		present = append(present, kmdata.CardHolder{Index: i + 1, Holder: holder})
	}
	return kmdata.Session{
		Log:     kmdata.LogHead{Lines: 1000, SHA256: ones},
		Program: kmdata.Program{Version: "test"},
		Present: present,
	}
}

// A statement that another process wrote meanwhile is not overwritten.
func TestAppendNeverOverwrites(t *testing.T) {
	f := copied(t)
	one, other := f.reopened(), f.reopened()
	must(one.Seal())(t)
	_, err := other.Seal()
	f.refused(err, exitcode.Refused, "DIR/local/statements/000013-seal.json exists already and is never overwritten")
	must(kmdata.Open(f.dir))(t)
}

func TestCreateRefuses(t *testing.T) {
	f := copied(t)
	w := *must(kmdata.Parse("world", f.read(f.local("world"))))(t).(*kmdata.World)
	_, err := kmdata.Create(f.dir, &w, f.Sets[0].KNSO)
	f.refused(err, exitcode.Refused, "DIR/local/world exists already and is never overwritten")
	f.dir += "/other"
	_, err = kmdata.Create(f.dir, &w, f.Sets[1].KNSO)
	f.refused(err, exitcode.Failed, "DIR/local/world: the new signature does not verify: "+
		"the signature does not belong to this content and this public key")
	w.Label = ""
	_, err = kmdata.Create(f.dir, &w, f.Sets[0].KNSO)
	f.refused(err, exitcode.Check, `the world statement: field label: label "": 1 to 32 bytes of text are expected`)
	if kmdata.Exists(f.dir) {
		t.Error("there is a world file")
	}
	f.dir += "/file"
	f.write(f.dir, nil)
	w.Label = "Contoso"
	_, err = kmdata.Create(f.dir, &w, f.Sets[0].KNSO)
	f.refused(err, exitcode.Failed, "DIR cannot be created: file exists")
}

func TestParse(t *testing.T) {
	f := world(t)
	for _, e := range f.Chain.Entries() {
		s := must(kmdata.Parse("s", e.Data))(t)
		if again := must(kmdata.Encode(s))(t); string(again) != string(e.Data) {
			t.Errorf("%v encodes otherwise", e)
		}
		if h := kmdata.HeaderOf(s); h.Number != e.Number() {
			t.Errorf("%v: number %d", e, h.Number)
		}
	}
	for name, c := range map[string]struct {
		data string
		code exitcode.Code
		want string
	}{
		"not JSON": {"x", exitcode.Usage, "s: not valid JSON at byte 0"},
		"a key":    {`{"type":"byok-key"}`, exitcode.Usage, `s: type "byok-key" is not that of a statement`},
		"a later one": {`{"type":"byok-seal","version":2}`, exitcode.Check,
			"s: version 2 of byok-seal, " + laterRelease},
		"a seal alone": {`{"type":"byok-seal","version":1}`, exitcode.Check, "s: field time: a time is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := kmdata.Parse("s", []byte(c.data))
			refused(t, noFolder, err, c.code, c.want)
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, e := range world(f).Chain.Entries() {
		f.Add(e.Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := kmdata.Parse("s", data)
		if err != nil {
			return
		}
		if again, err := kmdata.Encode(s); err != nil || string(again) != string(data) {
			t.Fatalf("encodes otherwise: %v\n%s", err, again)
		}
	})
}

// The largest authorization fits into a file: fifty RSA-4096 keys, each for an
// attested KEK with every rule's finding.
func TestLargestAuthorization(t *testing.T) {
	f := copied(t)
	a := must(kmdata.Parse("a", f.Chain.Entries()[approval-1].Data))(t).(*kmdata.Authorization)
	key := must(softworld.NewKey(kind(t, "RSA-4096")))(t)
	p := a.Pairs[0]
	p.Identity, p.Ident = key.Identity, strings.Repeat("a", 72)
	p.PlainName, p.Target.Name = strings.Repeat("a", 127), strings.Repeat("a", 127)
	p.KEK.Attestation = slices.Repeat([]kmdata.Rule{{Rule: "KEK-ATTRIBUTES", OK: true,
		Detail: strings.Repeat("detail ", 20)}}, 30)
	a.Pairs = nil
	for i := range kmdata.MaxPairs {
		p.Wrapped = fingerprint.Of([]byte{byte(i)})
		a.Pairs = append(a.Pairs, p)
	}
	data := must(kmdata.Encode(a))(t)
	if len(data) > kmdata.MaxFile/2 {
		t.Errorf("%d bytes", len(data))
	}
}
